#include "common/wire/codec.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "common/base/env.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

float Bits(uint32_t bits) { return std::bit_cast<float>(bits); }

// The same bytes at an odd address.
Buffer Odd(const Buffer& frame) {
  std::vector<std::byte> bytes(1);
  bytes.insert(bytes.end(), frame.bytes().begin(), frame.bytes().end());
  const Buffer whole = Buffer::Own(std::move(bytes));
  return Buffer(whole.owner(), whole.bytes().subspan(1));
}

std::vector<float> ThroughBf16(const std::vector<float>& values) {
  const auto out = TakeValues(ValueCodec::kBf16, Odd(EncodeValues(ValueCodec::kBf16, values)));
  EXPECT_TRUE(out.ok()) << out.status();
  return {out->span().begin(), out->span().end()};
}

// Reference: of the two neighbours in bf16, the nearer; at a tie the one with the even last bit.
float NearestBf16(float value) {
  const uint32_t down = std::bit_cast<uint32_t>(value) & 0xffff0000;
  const double low = Bits(down);
  const double high = std::isinf(Bits(down + 0x10000))
                          ? std::copysign(0x1p128, value)  // what the next one would be
                          : static_cast<double>(Bits(down + 0x10000));
  const double to_low = std::abs(value - low);
  const double to_high = std::abs(high - value);
  const bool even = (down & 0x10000) == 0;
  return to_low < to_high || (to_low == to_high && even) ? Bits(down) : Bits(down + 0x10000);
}

TEST(Codec, F32IsExactAtAnyLengthAndAddress) {
  Rng rng(1);
  for (size_t size = 0; size < 100; ++size) {
    std::vector<float> values(size);
    for (float& v : values) v = Bits(static_cast<uint32_t>(rng.Next()));
    const Buffer even = EncodeValues(ValueCodec::kF32, values);
    for (const Buffer& bytes : {even, Odd(even)}) {
      const auto out = TakeValues(ValueCodec::kF32, bytes);
      ASSERT_TRUE(out.ok());
      ASSERT_EQ(out->size(), size);
      for (size_t i = 0; i < size; ++i) {
        EXPECT_EQ(std::bit_cast<uint32_t>(out->span()[i]), std::bit_cast<uint32_t>(values[i]));
      }
    }
  }
}

TEST(Codec, Bf16RoundsToNearestEven) {
  Rng rng(2);
  std::vector<float> values = {0.0F,        -0.0F,       1.0F,
                               1.00390625F, 1.01171875F, 3.4e38F,
                               -3.4e38F,    1e-45F,      std::numeric_limits<float>::max()};
  while (values.size() < 10'007) {
    const float value = Bits(static_cast<uint32_t>(rng.Next()));
    if (std::isfinite(value)) values.push_back(value);
  }
  const std::vector<float> out = ThroughBf16(values);
  ASSERT_EQ(out.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(std::bit_cast<uint32_t>(out[i]), std::bit_cast<uint32_t>(NearestBf16(values[i])))
        << values[i];
  }
}

TEST(Codec, Bf16KeepsNanAndInfinity) {
  // A NaN whose payload is only in the lower half must not turn into an infinity.
  const std::vector<float> out = ThroughBf16(
      {kNan, Bits(0x7f800001), Bits(0xff80ffff), Bits(0x7fffffff), kInfinity, -kInfinity});
  for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(std::isnan(out[i])) << i;
  EXPECT_EQ(out[4], kInfinity);
  EXPECT_EQ(out[5], -kInfinity);
}

TEST(Codec, EveryBf16IsItsOwnImage) {
  std::vector<float> values;
  for (uint32_t upper = 0; upper < 0x10000; ++upper) {
    if (const float value = Bits(upper << 16); !std::isnan(value)) values.push_back(value);
  }
  const std::vector<float> out = ThroughBf16(values);
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(std::bit_cast<uint32_t>(out[i]), std::bit_cast<uint32_t>(values[i]));
  }
}

TEST(Codec, WrongSizesAreRefused) {
  const Buffer three = EncodeValues(ValueCodec::kF32, std::vector<float>{1, 2, 3});
  std::vector<float> two(2);
  EXPECT_EQ(DecodeValues(ValueCodec::kF32, three.bytes(), two).message(),
            "payload refused: 12 bytes where 8 were expected");
  const Buffer odd = Buffer::Own(std::vector<char>(5));
  EXPECT_FALSE(TakeValues(ValueCodec::kF32, odd).ok());
  EXPECT_FALSE(TakeValues(ValueCodec::kBf16, odd).ok());
  EXPECT_FALSE(TakeKeys(odd).ok());
}

TEST(Codec, KeysComeBackFromAnyAddress) {
  const std::vector<RowKey> keys = {RowKey(0), RowKey(1), RowKey(~uint64_t{0})};
  for (const Buffer& bytes : {EncodeKeys(keys), Odd(EncodeKeys(keys))}) {
    const auto out = TakeKeys(bytes);
    ASSERT_TRUE(out.ok());
    EXPECT_TRUE(std::ranges::equal(out->span(), keys));
  }
}

}  // namespace
}  // namespace rubato
