#include "worker/data/missing_values.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "common/status.h"
#include "worker/data/column_plan.h"
#include "worker/data/show_text.h"

namespace rubato {

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
  return form_ ? ParseNumber(field, *form_, comma_) : ParseInAnyForm(field);
}

absl::StatusOr<std::vector<std::vector<std::string>>> MissingByColumn(
    const std::vector<std::string>& named, const std::vector<std::string>& header) {
  std::vector<std::vector<std::string>> spellings(header.size());
  for (const std::string& text : named) {
    const size_t equals = text.rfind('=');  // a name may hold one
    const bool everywhere = equals == std::string::npos;
    const std::string value(TrimField(everywhere ? text : text.substr(equals + 1)));
    if (value.empty()) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "data.missing holds '%s' without a value; write \"value\" or \"column=value\"",
          ShowText(text)));
    }
    if (everywhere) {
      for (std::vector<std::string>& column : spellings) column.push_back(value);
      continue;
    }
    ASSIGN_OR_RETURN(const size_t column,
                     FindColumn(header, text.substr(0, equals), "data.missing"));
    spellings[column].push_back(value);
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
