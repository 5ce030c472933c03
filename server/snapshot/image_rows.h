// The row files of an image: rows-00000.sst, rows-00001.sst, ... in its folder.
//
// Two threads take pieces and files in turn, so that one is hashed and copied while the other is on
// the disk; a writer holds a piece of memory for each, and what RocksDB holds of it.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/snapshot/image_source.h"
#include "server/snapshot/row_file.h"

namespace rubato {

std::string RowFilePath(const std::string& folder, size_t number);

struct WrittenRows {
  std::vector<TableShape> tables;
  std::vector<FileDigest> files;
};
// All rows of `source`, fsynced.
absl::StatusOr<WrittenRows> WriteRows(const std::string& folder, ImageSource* source,
                                      WriteMode mode, const CountBytes& count);

// Takes every entry that `manifest` says, once, on any of several threads. DataLoss: a file is
// damaged, or some piece is not there, or there twice.
absl::Status ReadRows(const std::string& folder, const ImageManifest& manifest,
                      const std::function<void(const Entry&)>& take, const CountBytes& count);

// Compares the files with their digests, no more: what was just written reached the disk.
absl::Status CheckRows(const std::string& folder, const ImageManifest& manifest,
                       const CountBytes& count);

}  // namespace rubato
