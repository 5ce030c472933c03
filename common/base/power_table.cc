#include "common/base/power_table.h"

namespace rubato {

PowerTable::PowerTable(double base) {
  // Returns the power behind the first 256.
  const auto fill = [this](size_t begin, size_t end, double factor) {
    values_[begin] = 1.0;
    for (size_t i = begin + 1; i < end; ++i) values_[i] = values_[i - 1] * factor;
    return values_[begin + 255] * factor;
  };
  fill(kHundreds, kValues, fill(kTens, kHundreds, fill(kOnes, kTens, base)));
}

}  // namespace rubato
