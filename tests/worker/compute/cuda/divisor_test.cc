#include "worker/compute/cuda/kernels/divisor.h"

#include <cstdint>
#include <vector>

#include "common/base/env.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

constexpr uint32_t kEnd = uint32_t{1} << 31;

void CheckDivisor(uint32_t d, Rng* rng) {
  const Divisor divisor(d);
  EXPECT_EQ(divisor.divisor(), d);
  const uint64_t multiple = rng->Below(kEnd / d) * d;
  for (const uint64_t n : {uint64_t{0}, uint64_t{d} - 1, uint64_t{d}, uint64_t{2} * d - 1,
                           multiple + d - 1, multiple, rng->Below(kEnd), uint64_t{kEnd} - 1}) {
    if (n >= kEnd) continue;
    const auto dividend = static_cast<uint32_t>(n);
    ASSERT_EQ(divisor.Quotient(dividend), dividend / d) << dividend << " / " << d;
  }
}

TEST(Divisor, SmallDivisorsPowersOfTwoAndTheirNeighbours) {
  Rng rng(1);
  for (uint32_t d = 1; d < 3000; ++d) CheckDivisor(d, &rng);
  for (uint32_t power = 4; power < kEnd; power *= 2) {
    for (const uint32_t d : {power - 1, power, power + 1}) CheckDivisor(d, &rng);
  }
  CheckDivisor(kEnd - 1, &rng);
}

TEST(Divisor, AnyDivisor) {
  Rng rng(2);
  for (int i = 0; i < 100'000; ++i) {
    CheckDivisor(static_cast<uint32_t>(1 + rng.Below(kEnd - 1)), &rng);
  }
}

}  // namespace
}  // namespace rubato
