#include "common/memory/finite.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <limits>
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

}  // namespace
}  // namespace rubato
