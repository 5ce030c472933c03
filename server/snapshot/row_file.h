// A row file: pieces of an image's tables in one of RocksDB's table files, written with
// SstFileWriter and read with SstFileReader; there is no database around them, so no log, no
// compaction and no background thread. Format: server/snapshot/image_manifest.h.
//
// Bytes reach RocksDB only after their file's checksum is known to be right: its reader then sees
// nothing but what its writer wrote.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/durable_file.h"
#include "server/snapshot/image_manifest.h"

namespace rubato {

// Told how many bytes were just read or written, by any thread: long calls are seen to go on.
using CountBytes = std::function<void(uint64_t bytes)>;

// Past the page cache where the file system can, which keeps a long image from stalling in
// write-back.
enum class WriteMode { kDirect, kBuffered };
WriteMode WriteModeOf(const std::string& folder);

class RowFileWriter {
 public:
  static absl::StatusOr<std::unique_ptr<RowFileWriter>> Create(const std::string& path,
                                                               WriteMode mode);
  virtual ~RowFileWriter() = default;
  // In order of numbers.
  virtual absl::Status Add(PieceNumber number, const TableImage& piece) = 0;
  // Fsyncs. RocksDB hashes what it writes: the digest costs no second reading.
  virtual absl::StatusOr<FileDigest> Finish() = 0;
};

// What an entry is: one column of a piece, whose place and length are those that `tables` says.
struct Entry {
  PieceNumber piece;
  Column column = Column::kKeys;
  const char* bytes = nullptr;
  uint64_t size = 0;
};
using TakeEntry = std::function<absl::Status(const Entry&)>;

// DataLoss: it has another digest.
absl::Status CheckRowFile(const std::string& path, const FileDigest& expected);

// DataLoss: it has another digest, or entries that are not of `tables`. `take` is asked for each
// entry in order, the rows of a piece right behind its keys.
absl::Status ReadRowFile(const std::string& path, const FileDigest& expected,
                         const std::vector<TableShape>& tables, const TakeEntry& take);

}  // namespace rubato
