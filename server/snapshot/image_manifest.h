// What an image is made of: everything but the rows themselves, which lie in row files.
//
// Format, version 1: a checksummed file (common/base/checksummed_bytes.h) with the magic "RBTimage"
// and a FlatBuffer ImageManifest (schemas/snapshot.fbs). It is the last file of an image to be
// written.
//
// The columns of an image in order, for each table its keys (u64[rows]) then its rows
// (f32[rows, row_floats], row-major), are cut into chunks of kChunkBytes, the last one of a column
// shorter. kChunksPerFile chunks in order make a row file, a RocksDB table file with an entry per
// chunk: key = u32 table (its index in the manifest), u8 column (0 keys, 1 rows), u32 chunk of the
// column, big-endian, so that entries are in order; value = the chunk, little-endian, as it lies in
// memory. So the manifest alone says which entries a row file must have, and how long each is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/durable_file.h"
#include "server/snapshot/image.h"

namespace rubato {

// One chunk is a megabyte: large enough that an entry's overhead is nothing, small enough that the
// buffers around it are. A file of 32 is written and hashed while another is.
inline constexpr uint64_t kChunkBytes = 1 << 20;
inline constexpr uint64_t kChunksPerFile = 32;
// 24 MB of positions, tables and files: an image of 100 GB has 1600 files.
inline constexpr uint64_t kMaxManifestBytes = 24u << 20;

struct TableShape {
  TableId table;
  uint32_t row_floats = 0;
  uint64_t rows = 0;
  uint64_t key_bytes() const { return rows * sizeof(uint64_t); }
  uint64_t row_bytes() const { return rows * row_floats * sizeof(float); }
  friend bool operator==(const TableShape&, const TableShape&) = default;
};

struct ImageManifest : ImageHead {
  std::vector<TableShape> tables;
  std::vector<FileDigest> files;  // of row file 0, 1, ...
  friend bool operator==(const ImageManifest&, const ImageManifest&) = default;
};

std::string EncodeManifest(const ImageManifest& manifest);
// Takes any bytes. DataLoss (a half sentence that begins with "it") unless the manifest is whole
// and its tables fit into its files, which bounds what a reader has to allocate.
absl::StatusOr<ImageManifest> DecodeManifest(absl::string_view file);

// A manifest without files, and an image without rows.
ImageManifest ManifestOf(const Image& image);
Image EmptyImage(const ImageManifest& manifest);

enum class Column : uint8_t { kKeys = 0, kRows = 1 };

// Where a chunk lies: `bytes` from `offset` of a column of the table number `table`.
struct Chunk {
  uint32_t table = 0;
  Column column = Column::kKeys;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  // Of its entry, 9 bytes.
  std::string Key() const;
};

std::vector<Chunk> ChunksOf(const std::vector<TableShape>& tables);
inline uint64_t FilesForChunks(uint64_t chunks) {
  return (chunks + kChunksPerFile - 1) / kChunksPerFile;
}

}  // namespace rubato
