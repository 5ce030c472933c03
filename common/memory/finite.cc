#include "common/memory/finite.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace rubato {

namespace {

// Adding one to an exponent of all ones carries into the sign bit; no other value does. In blocks
// of two vectors of AVX-512, eight of SSE2 (half of that for 16 bits).
template <class Word>
bool NoneCarries(const std::byte* from, size_t count, Word exponent, Word one) {
  constexpr size_t kBlock = 32;
  Word carried[kBlock] = {};
  const auto take = [&](size_t at, size_t words) {
    Word x[kBlock] = {};
    std::memcpy(x, from + at * sizeof(Word), words * sizeof(Word));
    for (size_t i = 0; i < kBlock; ++i) {
      carried[i] = static_cast<Word>(carried[i] | static_cast<Word>((x[i] & exponent) + one));
    }
  };
  size_t at = 0;
  for (; at + kBlock <= count; at += kBlock) take(at, kBlock);
  if (at < count) take(at, count - at);
  Word any = 0;
  for (const Word bits : carried) any = static_cast<Word>(any | bits);
  return any >> (8 * sizeof(Word) - 1) == 0;
}

}  // namespace

bool AllFinite(std::span<const float> values) {
  return NoneCarries<uint32_t>(std::as_bytes(values).data(), values.size(), 0x7f800000, 0x00800000);
}

bool AllFiniteBf16(std::span<const std::byte> values) {
  return NoneCarries<uint16_t>(values.data(), values.size() / sizeof(uint16_t), 0x7f80, 0x0080);
}

}  // namespace rubato
