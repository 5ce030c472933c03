#include "common/memory/finite.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace rubato {

// Adding one to an exponent of all ones carries into the sign bit; no other value does. In blocks
// of two vectors of AVX-512, eight of SSE2.
bool AllFinite(std::span<const float> values) {
  constexpr size_t kBlock = 32;
  constexpr uint32_t kExponent = 0x7f800000;
  constexpr uint32_t kOne = 0x00800000;
  uint32_t carried[kBlock] = {};
  const auto take = [&carried](const float* from, size_t count) {
    uint32_t x[kBlock] = {};
    std::memcpy(x, from, count * sizeof(float));
    for (size_t i = 0; i < kBlock; ++i) carried[i] |= (x[i] & kExponent) + kOne;
  };
  size_t at = 0;
  for (; at + kBlock <= values.size(); at += kBlock) take(values.data() + at, kBlock);
  if (at < values.size()) take(values.data() + at, values.size() - at);
  uint32_t any = 0;
  for (const uint32_t bits : carried) any |= bits;
  return (any >> 31) == 0;
}

}  // namespace rubato
