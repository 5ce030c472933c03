#include "worker/data/encode/missing_values.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "common/base/status.h"
#include "worker/data/text/find_column.h"
#include "worker/data/text/show_text.h"

namespace rubato {
namespace {

struct NamedValue {
  std::optional<size_t> column;  // nullopt: all
  std::string value;
};

// A name may hold "=" and so may a value.
absl::StatusOr<NamedValue> ReadNamed(const std::string& text,
                                     const std::vector<std::string>& header) {
  const auto before = [&text](size_t equals) {
    return std::string(TrimField(absl::string_view(text).substr(0, equals)));
  };
  for (size_t equals = text.rfind('='); equals != std::string::npos;
       equals = equals == 0 ? std::string::npos : text.rfind('=', equals - 1)) {
    const auto column = std::find(header.begin(), header.end(), before(equals));
    if (column == header.end()) continue;
    const absl::string_view value = absl::string_view(text).substr(equals + 1);
    return NamedValue{static_cast<size_t>(column - header.begin()), std::string(TrimField(value))};
  }
  const size_t equals = text.find('=');
  const std::string name = equals == std::string::npos ? "" : before(equals);
  const auto in_names = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || static_cast<uint8_t>(c) >= 0x80;
  };
  if (std::any_of(name.begin(), name.end(), in_names)) {
    return FindColumn(header, name, "data.missing").status();
  }
  return NamedValue{std::nullopt, std::string(TrimField(text))};
}

}  // namespace

MissingValues::MissingValues(const std::vector<std::string>& spellings,
                             std::optional<NumberForm> form, DecimalComma comma)
    : form_(std::move(form)), comma_(comma) {
  for (const std::string& spelling : spellings) {
    texts_.insert(spelling);
    for (const auto& number : {NumberOf(spelling), ParseNumber(spelling, DecimalComma::kNo)}) {
      if (number) numbers_.push_back(*number);
    }
  }
}

std::optional<double> MissingValues::NumberOf(absl::string_view field) const {
  return form_ ? ParseNumberIn(*form_, field, comma_) : ParseInAnyForm(field);
}

absl::StatusOr<std::vector<std::vector<std::string>>> MissingByColumn(
    const std::vector<std::string>& named, const std::vector<std::string>& header) {
  std::vector<std::vector<std::string>> spellings(header.size());
  for (const std::string& text : named) {
    ASSIGN_OR_RETURN(const NamedValue one, ReadNamed(text, header));
    if (one.value.empty()) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "data.missing holds '%s' without a value; write \"value\" or \"column=value\"",
          ShowText(text)));
    }
    for (size_t i = 0; i < spellings.size(); ++i) {
      if (!one.column || *one.column == i) spellings[i].push_back(one.value);
    }
  }
  return spellings;
}

bool MissingValues::Hold(absl::string_view field) const {
  if (HoldText(field)) return true;
  if (numbers_.empty()) return false;
  const auto number = NumberOf(field);
  return number && HoldNumber(*number);
}

bool MissingValues::HoldNumber(double value) const {
  return std::find(numbers_.begin(), numbers_.end(), value) != numbers_.end();
}

}  // namespace rubato
