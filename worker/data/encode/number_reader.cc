#include "worker/data/encode/number_reader.h"

#include <optional>

namespace rubato {

Reading NumberReader::Read(absl::string_view field, double* value) const {
  if (IsMissing(field)) return Reading::kMissing;
  const std::optional<double> number =
      form_.plain() ? ParseNumber(field, comma_) : ParseNumberIn(form_, field, comma_);
  if (number) {
    *value = *number;
    const bool missing = !missing_.empty() && missing_.HoldNumber(*number);
    return missing ? Reading::kMissing : Reading::kNumber;
  }
  const bool known = IsMissingAmongNumbers(field) || missing_.HoldText(field);
  return known ? Reading::kMissing : Reading::kText;
}

}  // namespace rubato
