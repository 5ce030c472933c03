#include "common/memory/finite.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "common/base/env.h"

namespace rubato {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(AllFinite, FindsOneBadValueAnywhere) {
  Rng rng(3);
  for (size_t size = 0; size < 100; ++size) {
    std::vector<float> values(size);
    for (float& v : values) v = static_cast<float>(rng.Normal());
    EXPECT_TRUE(AllFinite(values));
    for (size_t i = 0; i < size; ++i) {
      for (const float bad : {kNan, kInfinity, -kInfinity, std::bit_cast<float>(0xff800001U)}) {
        const float kept = std::exchange(values[i], bad);
        EXPECT_FALSE(AllFinite(values)) << i << " of " << size;
        values[i] = kept;
      }
    }
  }
  EXPECT_TRUE(AllFinite(std::vector<float>{std::numeric_limits<float>::max(), -0.0F, 1e-45F}));
}

TEST(AllFiniteBf16, KnowsEveryValueAnywhereAtAnyAddress) {
  std::vector<std::byte> bytes(1 + 2 * 67);
  const std::span<std::byte> values = std::span(bytes).subspan(1);  // at an odd address
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const size_t at = bits % 67 * 2;
    const auto value = static_cast<uint16_t>(bits);
    std::memcpy(&values[at], &value, sizeof(value));
    EXPECT_EQ(AllFiniteBf16(values), std::isfinite(std::bit_cast<float>(bits << 16))) << bits;
    values[at] = values[at + 1] = std::byte{0};
  }
}

}  // namespace
}  // namespace rubato
