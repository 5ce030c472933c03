// The LIBSVM text format: one row a line, "label qid:N index:value index:value ... # comment".
//
// Indices are taken as they are, whether a file counts from 0 or from 1, in any order, each once in
// a row; a value may be any finite number. `qid:N`, the group of a row (a query, a customer), may
// stand anywhere behind the label. A comment reaches from `#` to the end of the line; blank and
// comment lines, and a UTF-8 byte order mark, are passed over. Blanks and tabs separate. Anything
// else is an error, "FILE:LINE: sentence" (DataLoss). One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/data/text/byte_source.h"

namespace rubato {

// 16 MiB is a row of a million features.
inline constexpr size_t kMaxLibsvmLineBytes = size_t{16} << 20;
// Largest index: a level id or hash of 48 bits, well below where u64 sums wrap.
inline constexpr uint64_t kMaxLibsvmIndex = (uint64_t{1} << 48) - 1;

// Largest absolute value: a float with room for its square in a sum.
inline constexpr double kMaxLibsvmValue = 1e15;

struct LibsvmRow {
  double label = 0.0;
  std::optional<uint64_t> group;  // qid
  std::vector<uint64_t> keys;     // indices as the file writes them, increasing
  std::vector<float> values;      // [keys.size()]
};

class LibsvmReader {
 public:
  static absl::StatusOr<std::unique_ptr<LibsvmReader>> Open(const std::string& path);
  LibsvmReader(std::unique_ptr<ByteSource> source, std::string name);
  LibsvmReader(const LibsvmReader&) = delete;
  LibsvmReader& operator=(const LibsvmReader&) = delete;

  // The next row; false at the end, and `row` is as it was.
  absl::StatusOr<bool> Next(LibsvmRow* row);
  // Line of the current row, from 1, and its number, from 0, over all rows of the file.
  uint64_t line() const { return line_; }
  uint64_t row() const { return rows_ - 1; }

 private:
  // The next line without its end, valid until the next call; false at the end.
  absl::StatusOr<bool> NextLine(absl::string_view* line);
  absl::Status Refill();
  absl::Status ParseRow(absl::string_view text, LibsvmRow* row);
  absl::Status ParseGroup(absl::string_view token, LibsvmRow* row) const;
  absl::Status ParseFeature(absl::string_view token, LibsvmRow* row) const;
  // Brings the features of a row that a file writes in another order into that of their indices.
  void Sort(LibsvmRow* row);
  absl::Status Error(absl::string_view sentence) const;

  std::unique_ptr<ByteSource> source_;
  std::string name_;
  std::vector<char> buffer_;  // [begin_, end_) is not yet read
  size_t begin_ = 0;
  size_t end_ = 0;
  bool source_ended_ = false;
  uint64_t line_ = 0;
  uint64_t rows_ = 0;
  std::vector<std::pair<uint64_t, float>> sorted_;  // kept for its memory
};

}  // namespace rubato
