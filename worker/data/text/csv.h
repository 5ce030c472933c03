// CSV as it is met in practice, row by row, in bounded memory.
//
// The first line names the columns (column_N, from 1, where it lacks a name), unless the layout
// says that there is no such line; what the separator is, see worker/data/text/csv_layout.h. Lines
// end with LF or CRLF; a UTF-8 byte order mark and blank lines are passed over. A field that begins
// with `"` ends at the next single `"`, may hold separators and line ends, and writes a quote as
// `""`; a quote inside an unquoted field is an ordinary character. Every row must have as many
// fields as the header: a ragged one is an error that names its line and both counts, and what it
// may come from: never guessed at. Only where the first row ends with a separator and the header
// does not name what is behind it, all rows must end so, and nothing is there; without a header,
// where all rows at the beginning end so. NUL bytes are refused (most often the file is UTF-16).
//
// Fields are views into one reused buffer, quotes taken off. Errors are DataLoss, "FILE:LINE:
// sentence".
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/data/text/byte_source.h"
#include "worker/data/text/csv_layout.h"
#include "worker/data/text/table_reader.h"

namespace rubato {

// Longest row, its line ends included: 16 MiB is 65,536 columns of 256 bytes. A quote that is never
// closed swallows the rest of a file; this is where that ends.
inline constexpr size_t kMaxRowBytes = size_t{16} << 20;
inline constexpr size_t kMaxFieldBytes = size_t{1} << 20;

class CsvReader : public TableReader {
 public:
  // Reads the header and looks at the first row. `name` stands in errors.
  static absl::StatusOr<std::unique_ptr<CsvReader>> Open(const std::string& path,
                                                         const CsvLayout& layout = {});
  static absl::StatusOr<std::unique_ptr<CsvReader>> Read(std::unique_ptr<ByteSource> source,
                                                         std::string name,
                                                         const CsvLayout& layout = {});

 private:
  enum class Scan : uint8_t { kRecord, kNeedMore };

  CsvReader(std::unique_ptr<ByteSource> source, std::string name, const CsvLayout& layout);
  absl::Status ReadHeader();
  // For a file that begins as such.
  absl::Status IsIdx(absl::string_view head) const;
  absl::Status SkipLines();
  absl::Status ChooseSeparator();
  absl::Status CheckLineEnds() const;
  absl::Status CheckTitles(const std::vector<FirstLine>& lines) const;
  absl::Status ReadNames();
  absl::Status HoldFirstRow();
  absl::StatusOr<bool> NextRow() override;
  bool RowsEndOpen() const;
  // Also takes off the empty field behind a separator that ends the row.
  absl::Status CheckRow();
  std::string WhyRagged();
  // Leaves one record in fields_ and begin_ behind it; false at the end of the file.
  absl::StatusOr<bool> NextRecord();
  absl::Status Refill();
  absl::StatusOr<Scan> ScanRecord();
  // Both move `position` from a field's first byte to the one that ends it, and add the field;
  // `position` = end_ may mean that more bytes are needed.
  absl::Status ScanQuoted(size_t* position);
  void ScanUnquoted(size_t* position);
  bool PassBlankLine();
  void JoinDoubledQuotes();
  absl::Status Error(uint64_t line, absl::string_view sentence) const;

  std::unique_ptr<ByteSource> source_;
  const CsvLayout layout_;
  std::vector<std::string> names_;  // of the columns, while the header is read
  bool rows_end_open_ = false;      // with a separator
  bool first_row_held_ = false;     // read, and not yet given
  bool stop_[256] = {};             // bytes at which an unquoted field ends or is refused

  std::vector<char> buffer_;  // [begin_, end_) is not yet read; buffer_[end_] is a sentinel
  size_t begin_ = 0;
  size_t end_ = 0;
  bool source_ended_ = false;

  uint64_t line_ = 1;            // of buffer_[begin_]
  uint64_t record_lines_ = 0;    // line ends inside the quotes of the record being scanned
  std::vector<size_t> doubled_;  // fields with `""` in them
};

}  // namespace rubato
