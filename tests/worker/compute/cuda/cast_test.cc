#include "worker/compute/cuda/kernels/cast.h"

#include <bit>
#include <cmath>
#include <limits>

#include "common/base/env.h"
#include "tests/worker/compute/cuda/cuda_fixture.h"

namespace rubato {
namespace {

uint16_t BitsOf(__nv_bfloat16 v) { return std::bit_cast<uint16_t>(v); }
__nv_bfloat16 FromBits(uint16_t bits) { return std::bit_cast<__nv_bfloat16>(bits); }

// The upper half of a float, to the nearest, ties to even.
uint16_t RoundedBits(float v) {
  const auto bits = std::bit_cast<uint32_t>(v);
  return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

class CastTest : public CudaTest {
 protected:
  static constexpr uint16_t kMark = 0x1234;
  static constexpr uint32_t kBehind = 8;  // elements behind a segment that must stay

  std::vector<float> Normals(uint32_t count, Rng* rng) {
    std::vector<float> values(count);
    for (float& v : values) v = static_cast<float>(rng->Normal());
    return values;
  }

  void CheckSegments(const std::vector<uint32_t>& counts, uint64_t seed) {
    SCOPED_TRACE(testing::Message() << counts.size() << " segments, seed " << seed);
    Rng rng(seed);
    std::vector<std::vector<float>> values;
    std::vector<DeviceArray<float>> from;
    std::vector<DeviceArray<__nv_bfloat16>> to;
    std::vector<CastSegment> segments;
    for (const uint32_t count : counts) {
      values.push_back(Normals(count, &rng));
      from.push_back(Upload(values.back()));
      to.push_back(Upload(std::vector<__nv_bfloat16>(count + kBehind, FromBits(kMark))));
      segments.push_back({from.back().data(), to.back().data(), count});
    }
    ASSERT_TRUE(CastAsync(stream(), segments).ok());
    for (size_t s = 0; s < counts.size(); ++s) {
      const std::vector<__nv_bfloat16> got = Download(to[s]);
      for (uint32_t i = 0; i < got.size(); ++i) {
        const uint16_t want = i < counts[s] ? RoundedBits(values[s][i]) : kMark;
        ASSERT_EQ(BitsOf(got[i]), want) << "segment " << s << ", element " << i;
      }
    }
  }
};

TEST_F(CastTest, SegmentsOfAnySize) {
  CheckSegments({}, 1);
  CheckSegments({0}, 2);
  CheckSegments({1}, 3);
  // A thread takes 8 at a time, a block 4,096.
  CheckSegments({7, 0, 8, 9, 4095, 4096, 4097, 0, 10000}, 4);
}

TEST_F(CastTest, MoreSegmentsThanALaunchTakes) {
  CheckSegments(std::vector<uint32_t>(kCastSegments, 5), 5);
  CheckSegments(std::vector<uint32_t>(kCastSegments + 1, 5), 6);
}

TEST_F(CastTest, RoundsToNearestAndTiesToEven) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> values = {0.0F,      -0.0F,       1.0F,          infinity,  -infinity,
                                     0x1.01p0F, 0x1.03p0F,   -0x1.01p0F,    1e-40F,    0x1.fffp0F,
                                     3.4e38F,   0x1.0101p0F, 0x1.00ffp-20F, -1.5e-45F, 65280.0F};
  const DeviceArray<float> from = Upload(values);
  DeviceArray<__nv_bfloat16> to = Unwritten<__nv_bfloat16>(values.size());
  const CastSegment segment{from.data(), to.data(), static_cast<uint32_t>(values.size())};
  ASSERT_TRUE(CastAsync(stream(), {&segment, 1}).ok());
  const std::vector<__nv_bfloat16> got = Download(to);
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(BitsOf(got[i]), RoundedBits(values[i])) << values[i];
  }
}

TEST_F(CastTest, WideningIsExact) {
  for (const uint32_t count : {1u, 255u, 256u, 257u, 5000u}) {
    std::vector<__nv_bfloat16> values;
    Rng rng(count);
    for (const float v : Normals(count, &rng)) values.push_back(FromBits(RoundedBits(v)));
    const DeviceArray<__nv_bfloat16> from = Upload(values);
    DeviceArray<float> to = Upload(std::vector<float>(count, std::nanf("")));
    ASSERT_TRUE(WidenAsync(stream(), from.data(), to.data(), count).ok());
    const std::vector<float> got = Download(to);
    for (uint32_t i = 0; i < count; ++i) {
      ASSERT_EQ(std::bit_cast<uint32_t>(got[i]), uint32_t{BitsOf(values[i])} << 16) << i;
    }
  }
}

}  // namespace
}  // namespace rubato
