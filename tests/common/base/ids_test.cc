#include "common/base/ids.h"

#include <concepts>

#include "gtest/gtest.h"

namespace rubato {
namespace {

template <class A, class B>
concept Addable = requires(A a, B b) {
  a + b;
};

TEST(Ids, PointsAndDistancesDoNotMix) {
  static_assert(std::same_as<decltype(Clock(5) - Clock(3)), ClockDelta>);
  static_assert(!Addable<Clock, Clock>);
  static_assert(!std::equality_comparable_with<SeatId, PlaceId>);
  static_assert(!std::convertible_to<int, Life>);
  EXPECT_EQ(Clock(5) - ClockDelta(2), Clock(3));
}

TEST(Staleness, AllowsReadsAtMostSBehind) {
  EXPECT_TRUE(Staleness(0).Allows(Clock(7), Clock(7)));
  EXPECT_FALSE(Staleness(0).Allows(Clock(6), Clock(7)));
  EXPECT_TRUE(Staleness(3).Allows(Clock(4), Clock(7)));
  EXPECT_FALSE(Staleness(3).Allows(Clock(3), Clock(7)));
  EXPECT_TRUE(Staleness::Infinite().Allows(Clock(0), Clock(1'000'000)));
}

TEST(Staleness, InfiniteIsTheLargest) { EXPECT_GT(Staleness::Infinite(), Staleness(1 << 30)); }

}  // namespace
}  // namespace rubato
