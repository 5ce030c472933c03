#include "worker/data/prepare/number_label.h"

#include <cmath>
#include <limits>
#include <optional>

#include "common/base/status.h"
#include "worker/data/text/show_text.h"

namespace rubato {

namespace {

bool Holds(const LabelDomain& domain, double label) {
  return std::abs(label) <= std::numeric_limits<float>::max() && label >= domain.least &&
         (!domain.whole || std::floor(label) == label);
}

absl::Status NotInDomain(absl::string_view shown, const LabelDomain& domain) {
  return absl::DataLossError(
      absl::StrFormat("the label is '%s', and the target learns %s; mend the row, or leave it out",
                      ShowText(shown), domain.words));
}

}  // namespace

absl::StatusOr<float> TakeNumberLabel(double label, const LabelDomain& domain) {
  if (Holds(domain, label)) return static_cast<float>(label);
  return NotInDomain(absl::StrCat(label), domain);
}

absl::StatusOr<float> ReadNumberLabel(absl::string_view text, const LabelDomain& domain,
                                      DecimalComma comma) {
  const std::optional<double> number = ParseNumber(text, comma);
  if (number && Holds(domain, *number)) return static_cast<float>(*number);
  return NotInDomain(text, domain);
}

}  // namespace rubato
