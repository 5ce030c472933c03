// The label of a row as a number, where the target learns one and no class.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/data/text/field.h"
#include "worker/spec/target.h"

namespace rubato {

// DataLoss: it is not in `domain`, or too large for a float.
absl::StatusOr<float> TakeNumberLabel(double label, const LabelDomain& domain);
// The same of a trimmed field.
absl::StatusOr<float> ReadNumberLabel(absl::string_view text, const LabelDomain& domain,
                                      DecimalComma comma);

}  // namespace rubato
