#include "worker/data/text/libsvm.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"
#include "worker/data/text/digits.h"
#include "worker/data/text/field.h"
#include "worker/data/text/short_decimal.h"
#include "worker/data/text/show_text.h"

namespace rubato {
namespace {

constexpr size_t kFirstBufferBytes = size_t{64} << 10;
constexpr absl::string_view kGroupMark = "qid:";

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// Cuts the blanks off the front of `text`.
void PassBlanks(absl::string_view* text) {
  size_t blanks = 0;
  while (blanks < text->size() && IsBlank((*text)[blanks])) ++blanks;
  text->remove_prefix(blanks);
}

// Cuts the next token off the front of `text`; empty when there is none.
absl::string_view NextToken(absl::string_view* text) {
  PassBlanks(text);
  size_t size = 0;
  while (size < text->size() && !IsBlank((*text)[size])) ++size;
  const absl::string_view token = text->substr(0, size);
  text->remove_prefix(size);
  return token;
}

// Cuts a feature of few digits off the front of `text` and adds it to the row; false, and nothing
// is changed, for all else that may stand there. Nearly every token of every file is one.
bool TakeShortFeature(absl::string_view* text, LibsvmRow* row) {
  const char* at = text->data();
  const char* const end = at + text->size();
  const DigitRun index = ReadEightDigits(at, end);  // far below kMaxLibsvmIndex
  at += index.digits;
  if (index.digits == 0 || at == end || *at != ':') return false;
  ++at;
  double value = 0.0;
  if (end - at > 1 && IsDigit(*at) && IsBlank(at[1])) {  // the 1 of a feature that is there
    value = *at++ - '0';
  } else {
    at = ReadShortDecimal(at, end, '.', &value);
    if (at == nullptr || (at != end && !IsBlank(*at))) return false;
    if (value > kMaxLibsvmValue || value < -kMaxLibsvmValue) return false;
  }
  row->keys.push_back(index.number);
  row->values.push_back(static_cast<float>(value));
  text->remove_prefix(static_cast<size_t>(at - text->data()));
  return true;
}

// Whether each is larger than the one before.
bool AreRising(const std::vector<uint64_t>& keys) {
  bool rising = true;
  for (size_t i = 1; i < keys.size(); ++i) rising &= keys[i - 1] < keys[i];
  return rising;
}

// All of `text` as a number of digits; nullopt when it is none.
std::optional<uint64_t> ParseWhole(absl::string_view text) {
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LibsvmReader>> LibsvmReader::Open(const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, OpenByteSource(path));
  return std::make_unique<LibsvmReader>(std::move(source), path);
}

LibsvmReader::LibsvmReader(std::unique_ptr<ByteSource> source, std::string name)
    : source_(std::move(source)), name_(std::move(name)), buffer_(kFirstBufferBytes) {}

absl::StatusOr<bool> LibsvmReader::Next(LibsvmRow* row) {
  for (;;) {
    absl::string_view line;
    ASSIGN_OR_RETURN(const bool found, NextLine(&line));
    if (!found) return false;
    line = line.substr(0, line.find('#'));
    PassBlanks(&line);
    if (line.empty()) continue;
    ++rows_;
    RETURN_IF_ERROR(ParseRow(line, row));
    return true;
  }
}

absl::StatusOr<bool> LibsvmReader::NextLine(absl::string_view* line) {
  size_t searched = 0;
  for (;;) {
    const char* begin = buffer_.data() + begin_;
    const void* found = std::memchr(begin + searched, '\n', end_ - begin_ - searched);
    if (found != nullptr || (source_ended_ && begin_ < end_)) {
      const char* end = found == nullptr ? buffer_.data() + end_ : static_cast<const char*>(found);
      *line = absl::string_view(begin, static_cast<size_t>(end - begin));
      begin_ += line->size() + (found == nullptr ? 0 : 1);
      if (line_++ == 0) absl::ConsumePrefix(line, "\xef\xbb\xbf");
      return true;
    }
    if (source_ended_) return false;
    searched = end_ - begin_;
    RETURN_IF_ERROR(Refill());
  }
}

absl::Status LibsvmReader::Refill() {
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  if (end_ == buffer_.size()) {
    if (end_ >= kMaxLibsvmLineBytes) {
      ++line_;
      return Error(absl::StrFormat("the line is longer than %d bytes; is this a LIBSVM file?",
                                   kMaxLibsvmLineBytes));
    }
    buffer_.resize(2 * end_);
  }
  ASSIGN_OR_RETURN(const size_t n, source_->Read({buffer_.data() + end_, buffer_.size() - end_}));
  end_ += n;
  source_ended_ = n == 0;
  return absl::OkStatus();
}

absl::Status LibsvmReader::ParseRow(absl::string_view text, LibsvmRow* row) {
  const absl::string_view label = NextToken(&text);
  const std::optional<double> number = ParseAnyNumber(label, DecimalComma::kNo);
  if (!number) {
    return Error(
        absl::StrFormat("the label '%s' is not a number; a row is "
                        "\"label index:value ...\"",
                        ShowText(label)));
  }
  row->label = *number;
  row->group.reset();
  row->keys.clear();
  row->values.clear();
  for (;;) {
    PassBlanks(&text);
    if (TakeShortFeature(&text, row)) continue;
    const absl::string_view token = NextToken(&text);
    if (token.empty()) break;
    RETURN_IF_ERROR(absl::StartsWith(token, kGroupMark) ? ParseGroup(token, row)
                                                        : ParseFeature(token, row));
  }
  if (AreRising(row->keys)) return absl::OkStatus();
  if (!std::is_sorted(row->keys.begin(), row->keys.end())) Sort(row);
  const auto twice = std::adjacent_find(row->keys.begin(), row->keys.end());
  if (twice == row->keys.end()) return absl::OkStatus();
  return Error(absl::StrFormat("index %d stands twice in the row; keep one of them", *twice));
}

void LibsvmReader::Sort(LibsvmRow* row) {
  sorted_.clear();
  for (size_t i = 0; i < row->keys.size(); ++i) {
    sorted_.emplace_back(row->keys[i], row->values[i]);
  }
  std::sort(sorted_.begin(), sorted_.end());
  for (size_t i = 0; i < sorted_.size(); ++i) {
    std::tie(row->keys[i], row->values[i]) = sorted_[i];
  }
}

absl::Status LibsvmReader::ParseGroup(absl::string_view token, LibsvmRow* row) const {
  const std::optional<uint64_t> group = ParseWhole(token.substr(kGroupMark.size()));
  if (!group || row->group) {
    return Error(
        absl::StrFormat("'%s' is not the one qid:N of the row, N a whole number", ShowText(token)));
  }
  row->group = group;
  return absl::OkStatus();
}

absl::Status LibsvmReader::ParseFeature(absl::string_view token, LibsvmRow* row) const {
  const size_t colon = token.find(':');
  if (colon == absl::string_view::npos) {
    return Error(absl::StrFormat("'%s' is not index:value", ShowText(token)));
  }
  const std::optional<uint64_t> index = ParseWhole(token.substr(0, colon));
  if (!index || *index > kMaxLibsvmIndex) {
    return Error(absl::StrFormat("the index of '%s' is not a whole number from 0 to %d",
                                 ShowText(token), kMaxLibsvmIndex));
  }
  const std::optional<double> value = ParseAnyNumber(token.substr(colon + 1), DecimalComma::kNo);
  if (!value || *value > kMaxLibsvmValue || *value < -kMaxLibsvmValue) {
    return Error(absl::StrFormat("the value of '%s' is not a number within +-%g", ShowText(token),
                                 kMaxLibsvmValue));
  }
  row->keys.push_back(*index);
  row->values.push_back(static_cast<float>(*value));
  return absl::OkStatus();
}

absl::Status LibsvmReader::Error(absl::string_view sentence) const {
  return absl::DataLossError(absl::StrFormat("%s:%d: %s", name_, line_, sentence));
}

}  // namespace rubato
