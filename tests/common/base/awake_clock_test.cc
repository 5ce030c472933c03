// AwakeClock of common/base/env.h.
#include "common/base/env.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

TEST(AwakeClockTest, LeavesOutEveryStepInWhichItsProcessSlept) {
  const auto at = [](double seconds) { return Instant() + Duration::Seconds(seconds); };
  AwakeClock clock(at(10), Duration::Seconds(2));
  EXPECT_EQ(clock.Read(at(11)), at(11));
  EXPECT_EQ(clock.Read(at(13)), at(13));  // late, but it may have been busy
  EXPECT_EQ(clock.Read(at(100)), at(13));
  EXPECT_EQ(clock.slept(), Duration::Seconds(87));
  EXPECT_EQ(clock.Read(at(101)), at(14));
  EXPECT_EQ(clock.Read(at(201)), at(14));
  EXPECT_EQ(clock.slept(), Duration::Seconds(187));
}

}  // namespace
}  // namespace rubato
