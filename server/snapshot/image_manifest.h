// What an image is made of: everything but the rows themselves, which lie in row files.
//
// Format, version 2: a checksummed file (common/base/checksummed_bytes.h) with the magic "RBTimage"
// and a FlatBuffer ImageManifest (schemas/snapshot.fbs). It is the last file of an image to be
// written.
//
// The rows of a table, in the order in which they were handed out, are cut into pieces of
// RowsOfPiece rows, the last one of a table shorter. A piece is two entries of a row file: its keys
// (u64[n]) and its rows (f32[n, row_floats], row-major), little-endian as they lie in memory. A row
// file is a RocksDB table file with up to kPiecesPerFile pieces, whichever its writer was given; an
// entry's key is u32 table (its index in the manifest), u32 piece of the table, u8 column (0 keys,
// 1 rows), big-endian, so that entries are in order. So the manifest alone says which entries the
// row files must have together, and how long each is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/durable_file.h"
#include "server/snapshot/image_source.h"

namespace rubato {

// About a megabyte: large enough that an entry's overhead is nothing, small enough that the buffers
// around it are. A file of 32 is written and hashed while another is.
inline constexpr uint64_t kPieceBytes = 1 << 20;
inline constexpr uint64_t kPiecesPerFile = 32;
// 24 MB of positions, tables and files: an image of 100 GB has 3200 files.
inline constexpr uint64_t kMaxManifestBytes = 24u << 20;

struct ImageManifest : ImageHead {
  std::vector<TableShape> tables;
  std::vector<FileDigest> files;  // of row file 0, 1, ...
  friend bool operator==(const ImageManifest&, const ImageManifest&) = default;
};

std::string EncodeManifest(const ImageManifest& manifest);
// Takes any bytes. DataLoss (a half sentence that begins with "it") unless the manifest is whole
// and its tables fit into its files, which bounds what a reader has to allocate.
absl::StatusOr<ImageManifest> DecodeManifest(absl::string_view file);

enum class Column : uint8_t { kKeys = 0, kRows = 1 };

// Rows of a whole piece of a table.
uint64_t RowsOfPiece(uint32_t row_floats);
uint64_t PiecesOf(const TableShape& table);

// Which piece of which table (its index).
struct PieceNumber {
  uint32_t table = 0;
  uint32_t piece = 0;
  friend auto operator<=>(const PieceNumber&, const PieceNumber&) = default;
};
inline constexpr size_t kEntryKeyBytes = 9;
std::string EntryKey(PieceNumber piece, Column column);

// The rows [first, first + rows) of their table.
struct PieceRows {
  uint64_t first = 0;
  uint64_t rows = 0;
};
PieceRows RowsOf(const std::vector<TableShape>& tables, PieceNumber piece);

}  // namespace rubato
