#include "common/base/power_table.h"

#include <cmath>

#include "gtest/gtest.h"

namespace rubato {
namespace {

TEST(PowerTable, IsThePowerOverTheWholeRange) {
  for (const double base : {0.0, 0.5, 0.9, 0.999, 0.999999, 1.0}) {
    const PowerTable table(base);
    for (const uint32_t n : {0U, 1U, 2U, 255U, 256U, 257U, 65'535U, 65'536U, 70'000U, 1U << 24}) {
      // A power of a rounded power: n roundings at most. Below the normal numbers bits are lost.
      const double power = std::pow(base, n);
      const double error = power * std::ldexp(n, -53);
      EXPECT_NEAR(table.Power(n), power, error + 1e-300) << base << "^" << n;
    }
  }
}

TEST(PowerTable, ACopyOfItsValuesGivesTheSamePowers) {
  const PowerTable table(0.999);
  const auto v = table.values();
  const uint32_t n = 3 * 65'536 + 2 * 256 + 1;
  EXPECT_EQ(table.Power(n),
            v[PowerTable::kOnes + 1] * v[PowerTable::kTens + 2] * v[PowerTable::kHundreds + 3]);
}

}  // namespace
}  // namespace rubato
