#include "worker/data/prepare/number_label.h"

#include <cmath>
#include <optional>

#include "common/base/status.h"
#include "worker/data/text/show_text.h"

namespace rubato {

absl::StatusOr<float> ReadNumberLabel(absl::string_view text, const LabelDomain& domain,
                                      DecimalComma comma) {
  const std::optional<double> number = ParseNumber(text, comma);
  const float label = static_cast<float>(number.value_or(NAN));
  const bool fits = std::isfinite(label) && *number >= domain.least &&
                    (!domain.whole || std::floor(*number) == *number);
  if (fits) return label;
  return absl::DataLossError(absl::StrFormat(
      "the label is '%s', and the target learns %s; mend the row, or empty its label, which leaves "
      "the row out",
      ShowText(text), domain.words));
}

}  // namespace rubato
