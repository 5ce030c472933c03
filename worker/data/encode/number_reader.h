// How the fields of one column of numbers are read: by the same code while its encoding is fitted,
// when rows are encoded, and in predict.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "worker/data/encode/missing_values.h"
#include "worker/data/text/field.h"
#include "worker/data/text/number_form.h"

namespace rubato {

enum class Reading : uint8_t {
  kNumber,
  kMissing,
  kText,  // neither: counts as missing, and nobody said that it may
};

class NumberReader {
 public:
  // `missing`: spellings of missing values beside the known ones. `comma`: of the file.
  NumberReader(const NumberForm& form, const std::vector<std::string>& missing, DecimalComma comma)
      : form_(form), missing_(missing, form, comma), comma_(comma) {}

  // `value` is set where the trimmed field is a number; always finite.
  Reading Read(absl::string_view field, double* value) const;

 private:
  NumberForm form_;
  MissingValues missing_;
  DecimalComma comma_;
};

}  // namespace rubato
