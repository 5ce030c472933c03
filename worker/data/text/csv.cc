#include "worker/data/text/csv.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "common/base/limits.h"
#include "common/base/status.h"
#include "worker/data/text/short_decimal.h"
#include "worker/data/text/show_text.h"

namespace rubato {
namespace {

constexpr size_t kFirstBufferBytes = size_t{64} << 10;
// Bytes of the buffer behind the last one read: the sentinel, and what is loaded together with it.
constexpr size_t kBehindEnd = 8;

// What idx files of bytes (worker/data/tables/idx_reader.h) begin with.
constexpr absl::string_view kIdxMagic("\0\0\x08", 3);

// A byte of the buffer, to be changed in place: the views point into memory that is ours.
char* Writable(absl::string_view view) { return const_cast<char*>(view.data()); }

// The highest bit of the first of eight bytes that is `wanted`, and maybe bits behind it; 0 where
// none is.
uint64_t WhereIs(char wanted, uint64_t eight) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  const uint64_t differ = eight ^ (kOnes * static_cast<unsigned char>(wanted));
  return (differ - kOnes) & ~differ & (kOnes << 7);
}

// "-1 3:1 11:1": no header of columns, but the first row of the other format.
bool LooksLikeLibsvm(absl::string_view line) {
  const size_t blank = line.find(' ');
  const size_t colon = line.find(':');
  return blank < colon && colon != absl::string_view::npos &&
         ParseNumber(line.substr(0, blank), DecimalComma::kNo).has_value();
}

}  // namespace

CsvReader::CsvReader(std::unique_ptr<ByteSource> source, std::string name, const CsvLayout& layout)
    : TableReader(std::move(name)),
      source_(std::move(source)),
      layout_(layout),
      buffer_(kFirstBufferBytes + kBehindEnd) {
  stop_[static_cast<unsigned char>('\n')] = true;
  stop_[static_cast<unsigned char>('\0')] = true;
}

absl::StatusOr<std::unique_ptr<CsvReader>> CsvReader::Open(const std::string& path,
                                                           const CsvLayout& layout) {
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, OpenByteSource(path));
  return Read(std::move(source), path, layout);
}

absl::StatusOr<std::unique_ptr<CsvReader>> CsvReader::Read(std::unique_ptr<ByteSource> source,
                                                           std::string name,
                                                           const CsvLayout& layout) {
  std::unique_ptr<CsvReader> reader(new CsvReader(std::move(source), std::move(name), layout));
  RETURN_IF_ERROR(reader->ReadHeader());
  reader->NameColumns(std::move(reader->names_));
  return reader;
}

absl::Status CsvReader::Error(uint64_t line, absl::string_view sentence) const {
  return absl::DataLossError(absl::StrFormat("%s:%d: %s", name(), line, sentence));
}

absl::StatusOr<bool> CsvReader::NextRow() {
  if (!first_row_held_) {
    ASSIGN_OR_RETURN(const bool found, NextRecord());
    if (!found) return false;
  }
  first_row_held_ = false;
  RETURN_IF_ERROR(CheckRow());
  return true;
}

absl::Status CsvReader::CheckRow() {
  const size_t width = own_columns() + (rows_end_open_ ? 1 : 0);
  if (fields_.size() != width) {
    const size_t fields = fields_.size();
    const uint64_t line = line_of_row_;
    return Error(line, absl::StrFormat("the row has %d fields, the header has %d; %s", fields,
                                       own_columns(), WhyRagged()));
  }
  if (!rows_end_open_) return absl::OkStatus();
  if (!TrimField(fields_.back()).empty()) {
    return Error(
        line_of_row_,
        absl::StrFormat("'%s' stands behind the last separator, %s", ShowText(fields_.back()),
                        layout_.header
                            ? "in a column without a name; name it in the header"
                            : "where the first rows hold nothing, so that no column was seen "
                              "there; write the names of all columns above the rows"));
  }
  fields_.pop_back();
  return absl::OkStatus();
}

// May read on, as a footer is told by the end of the file: nothing of the row is left then.
std::string CsvReader::WhyRagged() {
  constexpr char kCorrect[] = "correct the row or quote fields that hold a separator";
  constexpr int kFooterRows = 20;
  const uint64_t line = line_of_row_;
  if (fields_.size() == own_columns() + 1 && TrimField(fields_.back()).empty()) {
    return "it alone ends with a separator, take that off";
  }
  if (fields_.size() == own_columns() + 1 && rows() == 0) {
    return absl::StrCat("if rows begin with an index, name it in the header too, else ", kCorrect);
  }
  if (fields_.size() > own_columns() || rows() == 0) return kCorrect;
  for (int i = 0; i < kFooterRows; ++i) {
    const absl::StatusOr<bool> more = NextRecord();
    if (!more.ok()) break;
    if (*more) continue;
    return absl::StrFormat("if a footer begins here, leave it out, as in head -n -%d, else %s",
                           line_ - line, kCorrect);
  }
  return kCorrect;
}

absl::StatusOr<bool> CsvReader::NextRecord() {
  for (;;) {
    while (begin_ < end_ && PassBlankLine()) {
    }
    if (begin_ == end_ && source_ended_) return false;
    if (begin_ < end_) {
      ASSIGN_OR_RETURN(const Scan scan, ScanRecord());
      if (scan == Scan::kRecord) break;
    }
    RETURN_IF_ERROR(Refill());
  }
  JoinDoubledQuotes();
  line_of_row_ = line_;
  line_ += record_lines_ + 1;
  return true;
}

bool CsvReader::PassBlankLine() {
  const size_t end = begin_ + (buffer_[begin_] == '\r' ? 1 : 0);
  const bool cut_off = end == end_ && !source_ended_;
  if (cut_off || buffer_[end] != '\n') return false;
  begin_ = std::min(end + 1, end_);
  ++line_;
  return true;
}

absl::Status CsvReader::Refill() {
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  if (end_ + kBehindEnd == buffer_.size()) {
    if (end_ >= kMaxRowBytes) {
      return Error(line_, absl::StrFormat("the row is longer than %d bytes; is a quote not closed?",
                                          kMaxRowBytes));
    }
    buffer_.resize(2 * end_ + kBehindEnd);
  }
  while (!source_ended_ && end_ + kBehindEnd < buffer_.size()) {
    ASSIGN_OR_RETURN(const size_t n,
                     source_->Read({buffer_.data() + end_, buffer_.size() - kBehindEnd - end_}));
    end_ += n;
    source_ended_ = n == 0;
  }
  buffer_[end_] = '\n';
  return absl::OkStatus();
}

absl::StatusOr<CsvReader::Scan> CsvReader::ScanRecord() {
  fields_.clear();
  doubled_.clear();
  record_lines_ = 0;
  for (size_t position = begin_;; ++position) {
    if (buffer_[position] == '"') {
      RETURN_IF_ERROR(ScanQuoted(&position));
    } else {
      ScanUnquoted(&position);
    }
    if (position == end_ && !source_ended_) return Scan::kNeedMore;
    if (fields_.back().size() > kMaxFieldBytes) {
      return Error(line_,
                   absl::StrFormat("field %d is longer than %d bytes; is a quote not closed?",
                                   fields_.size(), kMaxFieldBytes));
    }
    if (buffer_[position] == '\n') {
      begin_ = std::min(position + 1, end_);
      return Scan::kRecord;
    }
    if (buffer_[position] == '\0') {
      return Error(
          line_,
          "the row holds a NUL byte; if the file is UTF-16, convert it: iconv -f utf-16 -t utf-8");
    }
    if (fields_.size() == kMaxColumns) {
      return Error(line_, absl::StrFormat("the row has more than %d fields", kMaxColumns));
    }
  }
}

void CsvReader::ScanUnquoted(size_t* position) {
  const char* const begin = buffer_.data() + *position;
  const char* end = begin;
  // Ends at the sentinel at the latest.
  for (uint64_t stops = 0;; end += sizeof(stops)) {
    const uint64_t eight = LoadEight(end, end + kBehindEnd);
    stops = WhereIs('\n', eight) | WhereIs('\0', eight) | WhereIs(separator_, eight);
    if (stops == 0) continue;
    end += std::countr_zero(stops) / 8;
    break;
  }
  *position += static_cast<size_t>(end - begin);
  if (*end == '\n' && end > begin && end[-1] == '\r') --end;
  fields_.emplace_back(begin, static_cast<size_t>(end - begin));
}

absl::Status CsvReader::ScanQuoted(size_t* position) {
  const size_t begin = *position + 1;
  size_t end = begin;
  bool doubled = false;
  for (; end < end_; ++end) {
    if (buffer_[end] == '\n') ++record_lines_;
    if (buffer_[end] == '\0') break;
    if (buffer_[end] != '"') continue;
    if (buffer_[end + 1] != '"' || end + 1 == end_) break;
    doubled = true;
    ++end;
  }
  if (end < end_ && buffer_[end] == '\0') {
    return Error(line_ + record_lines_, "a quoted field holds a NUL byte; is this a text file?");
  }
  if (end == end_ && source_ended_) {
    return Error(line_, "a quote that opens in this row is never closed");
  }
  fields_.emplace_back(buffer_.data() + begin, end - begin);
  if (doubled) doubled_.push_back(fields_.size() - 1);
  *position = std::min(end + 1, end_);
  if (*position < end_ && buffer_[*position] == '\r') ++*position;
  if (*position < end_ && !stop_[static_cast<unsigned char>(buffer_[*position])]) {
    return Error(line_ + record_lines_,
                 "text follows a closing quote; write a quote inside a quoted field as two");
  }
  return absl::OkStatus();
}

void CsvReader::JoinDoubledQuotes() {
  for (const size_t index : doubled_) {
    absl::string_view& field = fields_[index];
    char* out = Writable(field);
    for (size_t i = 0; i < field.size(); ++i) {
      *out++ = field[i];
      if (field[i] == '"') ++i;
    }
    field = field.substr(0, static_cast<size_t>(out - field.data()));
  }
}

absl::Status CsvReader::IsIdx(absl::string_view head) const {
  const bool labels = head.size() > kIdxMagic.size() && head[kIdxMagic.size()] == 1;
  return absl::DataLossError(
      absl::StrFormat("%s: is an idx file of %s; use data.format = \"idx\" in a run file, with %s",
                      name(), labels ? "one dimension, as labels are" : "images",
                      labels ? "it in data.labels and the file of images in data.path"
                             : "it in data.path and the file of labels in data.labels"));
}

absl::Status CsvReader::ReadHeader() {
  RETURN_IF_ERROR(Refill());
  const absl::string_view head(buffer_.data(), end_);
  if (absl::StartsWith(head, "\xef\xbb\xbf")) begin_ = 3;
  if (absl::StartsWith(head, kIdxMagic)) return IsIdx(head);
  RETURN_IF_ERROR(SkipLines());
  RETURN_IF_ERROR(ChooseSeparator());
  ASSIGN_OR_RETURN(const bool found, NextRecord());
  if (!found) return Error(1, "the file is empty; its first line must name the columns");
  RETURN_IF_ERROR(ReadNames());
  if (layout_.header) return HoldFirstRow();
  first_row_held_ = true;
  rows_end_open_ = RowsEndOpen();
  if (rows_end_open_) names_.pop_back();
  return absl::OkStatus();
}

// Of a file without a header, whose first row is read: the rows behind it in the buffer tell.
bool CsvReader::RowsEndOpen() const {
  if (fields_.size() == 1 || !TrimField(fields_.back()).empty()) return false;
  if (layout_.columns > 0) return fields_.size() == layout_.columns + 1;
  const auto lines = ReadFirstLines({buffer_.data() + begin_, end_ - begin_},
                                    /*whole=*/source_ended_, /*most=*/end_);
  return std::all_of(lines.begin(), lines.end(),
                     [this](const FirstLine& line) { return line.last == separator_; });
}

absl::Status CsvReader::SkipLines() {
  for (; line_ <= layout_.skip_lines; ++line_) {
    const void* end = nullptr;
    while ((end = std::memchr(buffer_.data() + begin_, '\n', end_ - begin_)) == nullptr) {
      if (source_ended_) {
        return Error(line_, absl::StrFormat("the file ends within data.skip_lines = %d; lower it",
                                            layout_.skip_lines));
      }
      RETURN_IF_ERROR(Refill());
    }
    begin_ = static_cast<size_t>(static_cast<const char*>(end) - buffer_.data()) + 1;
  }
  return Refill();
}

absl::Status CsvReader::ChooseSeparator() {
  RETURN_IF_ERROR(CheckLineEnds());
  size_t size = 0;
  const auto given = SeparatorLine({buffer_.data() + begin_, end_ - begin_}, &size);
  begin_ += size;
  if (given) ++line_;
  const auto lines =
      ReadFirstLines({buffer_.data() + begin_, end_ - begin_}, /*whole=*/source_ended_);
  separator_ = given ? *given : SniffSeparator(lines, layout_);
  stop_[static_cast<unsigned char>(separator_)] = true;
  if (given) return absl::OkStatus();
  if (const size_t fields = CountBlankSeparated(lines)) {
    return Error(line_, absl::StrFormat("blanks separate the %d fields of each line; write tabs "
                                        "instead, as in tr -s ' ' '\\t'",
                                        fields));
  }
  return CheckTitles(lines);
}

absl::Status CsvReader::CheckLineEnds() const {
  const absl::string_view text(buffer_.data() + begin_, end_ - begin_);
  bool quoted = false;
  bool text_seen = false;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (quoted) continue;
    if (text[i] == '\n' && text_seen) break;
    text_seen = text_seen || (text[i] != '\n' && text[i] != '\r');
    if (text[i] == '\r' && text[i + 1] != '\n') {
      return Error(line_, "lines end in CR alone; rewrite them, as in tr '\\r' '\\n'");
    }
  }
  return absl::OkStatus();
}

absl::Status CsvReader::CheckTitles(const std::vector<FirstLine>& lines) const {
  const uint64_t titles = CountTitleLines(lines);
  if (titles == 0) return absl::OkStatus();
  return Error(line_ + lines.front().number - 1,
               absl::StrFormat("a title seems to stand above the table, which begins in line %d; "
                               "leave the lines above it out with data.skip_lines = %d "
                               "(rubato init --skip-lines), or take them off, as in tail -n +%d",
                               line_ + titles, line_ + titles - 1, line_ + titles));
}

absl::Status CsvReader::ReadNames() {
  if (fields_.size() == 1 && LooksLikeLibsvm(TrimField(fields_[0]))) {
    return Error(line_of_row_, "the first line looks like LIBSVM; use data.format = \"libsvm\"");
  }
  absl::flat_hash_set<std::string> seen;
  for (const absl::string_view field : fields_) {
    const absl::string_view name = layout_.header ? TrimField(field) : absl::string_view();
    names_.push_back(name.empty() ? absl::StrCat("column_", names_.size() + 1) : std::string(name));
    if (!seen.insert(names_.back()).second) {
      return Error(line_of_row_,
                   absl::StrFormat("the header names the column '%s' twice; rename one",
                                   ShowText(names_.back())));
    }
  }
  return absl::OkStatus();
}

absl::Status CsvReader::HoldFirstRow() {
  const bool last_named = !TrimField(fields_.back()).empty();
  ASSIGN_OR_RETURN(first_row_held_, NextRecord());
  const size_t open_width = names_.size() + (last_named ? 1 : 0);
  rows_end_open_ = first_row_held_ && fields_.size() == open_width && open_width > 1 &&
                   TrimField(fields_.back()).empty();
  if (rows_end_open_ && !last_named) names_.pop_back();
  return absl::OkStatus();
}

}  // namespace rubato
