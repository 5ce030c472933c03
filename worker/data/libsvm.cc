#include "worker/data/libsvm.h"

#include <charconv>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include "common/status.h"
#include "worker/data/field.h"
#include "worker/data/show_text.h"

namespace rubato {
namespace {

constexpr size_t kFirstBufferBytes = size_t{64} << 10;
constexpr absl::string_view kBlanks = " \t\r";

// Cuts the next token off the front of `text`; empty when there is none.
absl::string_view NextToken(absl::string_view* text) {
  const size_t begin = text->find_first_not_of(kBlanks);
  if (begin == absl::string_view::npos) return *text = {};
  text->remove_prefix(begin);
  const absl::string_view token = text->substr(0, text->find_first_of(kBlanks));
  text->remove_prefix(token.size());
  return token;
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
    if (line.find_first_not_of(kBlanks) == absl::string_view::npos) continue;
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
      ++line_;
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

absl::Status LibsvmReader::ParseRow(absl::string_view text, LibsvmRow* row) const {
  const absl::string_view label = NextToken(&text);
  const std::optional<double> number = ParseNumber(label, DecimalComma::kNo);
  if (!number) {
    return Error(
        absl::StrFormat("the label '%s' is not a number; a row is "
                        "\"label index:value ...\"",
                        ShowText(label)));
  }
  row->label = *number;
  row->keys.clear();
  row->values.clear();
  for (;;) {
    const absl::string_view token = NextToken(&text);
    if (token.empty()) return absl::OkStatus();
    RETURN_IF_ERROR(ParseFeature(token, row));
  }
}

absl::Status LibsvmReader::ParseFeature(absl::string_view token, LibsvmRow* row) const {
  const size_t colon = token.find(':');
  if (colon == absl::string_view::npos) {
    return Error(absl::StrFormat("'%s' is not index:value", ShowText(token)));
  }
  uint64_t index = 0;
  const char* const end = token.data() + colon;
  const auto parsed = std::from_chars(token.data(), end, index);
  if (parsed.ec != std::errc() || parsed.ptr != end || index == 0 || index > kMaxLibsvmIndex) {
    return Error(absl::StrFormat("the index of '%s' is not a whole number from 1 to %d",
                                 ShowText(token), kMaxLibsvmIndex));
  }
  if (!row->keys.empty() && index <= row->keys.back()) {
    return Error(absl::StrFormat("index %d comes after index %d; indices must increase", index,
                                 row->keys.back()));
  }
  const std::optional<double> value = ParseNumber(token.substr(colon + 1), DecimalComma::kNo);
  if (!value || *value > kMaxLibsvmValue || *value < -kMaxLibsvmValue) {
    return Error(absl::StrFormat("the value of '%s' is not a number within +-%g", ShowText(token),
                                 kMaxLibsvmValue));
  }
  row->keys.push_back(index);
  row->values.push_back(static_cast<float>(*value));
  return absl::OkStatus();
}

absl::Status LibsvmReader::Error(absl::string_view sentence) const {
  return absl::DataLossError(absl::StrFormat("%s:%d: %s", name_, line_, sentence));
}

}  // namespace rubato
