#include "worker/data/label.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "common/status.h"
#include "worker/data/field.h"
#include "worker/data/show_text.h"

namespace rubato {
namespace {

// "'0' (23364 rows), '1' (6636 rows)", at most ten of them.
std::string ShowValues(const std::vector<LabelValue>& values) {
  constexpr size_t kShown = 10;
  std::vector<std::string> shown;
  for (const LabelValue& value : values) {
    if (shown.size() == kShown) {
      shown.push_back("...");
      break;
    }
    shown.push_back(absl::StrFormat("'%s' (%d rows)", ShowText(value.text), value.rows));
  }
  return absl::StrJoin(shown, ", ");
}

}  // namespace

bool SameLabel(absl::string_view a, absl::string_view b) {
  if (a == b) return true;
  const auto x = ParseNumber(a, DecimalComma::kNo);
  return x && x == ParseNumber(b, DecimalComma::kNo);
}

size_t CountLabel(absl::string_view text, std::vector<LabelValue>* values) {
  const auto same = [text](const LabelValue& value) { return SameLabel(value.text, text); };
  auto found = std::find_if(values->begin(), values->end(), same);
  if (found == values->end()) {
    if (values->size() <= kMaxLabelValues) values->push_back({std::string(text), 0});
    found = values->end() - 1;
  }
  ++found->rows;
  return static_cast<size_t>(found - values->begin());
}

std::optional<bool> LabelRule::IsPositive(absl::string_view text) const {
  if (SameLabel(text, positive)) return true;
  if (SameLabel(text, negative)) return false;
  return std::nullopt;
}

absl::StatusOr<LabelRule> MakeLabelRule(const std::vector<LabelValue>& values,
                                        const std::string& positive, const std::string& where) {
  if (values.empty()) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s: the label is missing in every row", where));
  }
  if (values.size() == 1) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s: the label has one value only, %s; a model needs rows of both classes",
                        where, ShowValues(values)));
  }
  if (values.size() > 2) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s: the label is not binary, it holds %s; use another column, or make it "
                        "one of two values",
                        where, ShowValues(values)));
  }
  for (size_t i = 0; i < 2; ++i) {
    if (SameLabel(values[i].text, positive)) return LabelRule{positive, values[1 - i].text};
  }
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: no row has the label data.positive = '%s'; the file holds %s: set "
                      "data.positive to the one that counts as 1",
                      where, ShowText(positive), ShowValues(values)));
}

}  // namespace rubato
