#include "server/shard/clock_table.h"

#include <algorithm>
#include <map>
#include <vector>

#include "common/base/env.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

constexpr Life kOne{1};
constexpr Life kTwo{2};

TEST(ClockTable, MinClockIsThatOfTheSlowest) {
  ClockTable table(Clock(4));
  table.Add(kOne, Clock(4));
  table.Add(kTwo, Clock(4));
  table.Advance(kOne, Clock(6));
  EXPECT_EQ(table.min_clock(), Clock(4));
  EXPECT_EQ(table.holders(), std::vector<Life>{kTwo});
  table.Advance(kTwo, Clock(5));
  EXPECT_EQ(table.min_clock(), Clock(5));
}

TEST(ClockTable, APendingMemberHoldsMinClockUntilItStarts) {
  ClockTable table(Clock(0));
  table.Add(kOne, Clock(3));
  table.Settle();
  table.AddPending(kTwo);
  table.Advance(kOne, Clock(9));
  EXPECT_EQ(table.min_clock(), Clock(3));
  EXPECT_EQ(table.next(kTwo), Clock(3));
  EXPECT_EQ(table.holders(), std::vector<Life>{kTwo});
  EXPECT_TRUE(table.pending(kTwo));
  table.Add(kTwo, Clock(8));
  table.Settle();
  EXPECT_FALSE(table.any_pending());
  EXPECT_EQ(table.min_clock(), Clock(8));
}

TEST(ClockTable, PendingMembersThatNobodyWantsAnyMoreGo) {
  ClockTable table(Clock(2));
  table.Add(kOne, Clock(2));
  table.AddPending(kTwo);
  table.RemovePendingBut([](Life) { return false; });
  EXPECT_TRUE(table.Contains(kOne));
  EXPECT_FALSE(table.Contains(kTwo));
}

TEST(ClockTable, WithoutMembersMinClockKeepsItsValue) {
  ClockTable table(Clock(2));
  table.Add(kOne, Clock(5));
  table.Settle();
  table.Remove(kOne);
  table.Settle();
  EXPECT_EQ(table.min_clock(), Clock(5));
  EXPECT_TRUE(table.holders().empty());
}

// Members come, go and advance at random: min_clock never falls, and equals the minimum over the
// members unless it was higher before.
TEST(ClockTable, MinClockNeverFallsWhoeverJoinsOrLeaves) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Rng rng(seed);
    ClockTable table(Clock(0));
    std::map<Life, Clock> members;
    Clock before = table.min_clock();
    for (uint64_t step = 0; step < 300; ++step) {
      const Life life(1 + rng.Below(6));
      if (!members.contains(life)) {
        // The protocol starts nobody below a min_clock that was answered.
        members[life] = table.min_clock() + ClockDelta(static_cast<int64_t>(rng.Below(3)));
        table.Add(life, members[life]);
      } else if (rng.Chance(0.1)) {
        members.erase(life);
        table.Remove(life);
        table.Settle();
      } else {
        members[life] = members[life].Next();
        table.Advance(life, members[life]);
      }
      Clock lowest = members.empty() ? before : members.begin()->second;
      for (const auto& [each, next] : members) lowest = std::min(lowest, next);
      ASSERT_GE(table.min_clock(), before) << "seed " << seed << " step " << step;
      ASSERT_LE(table.min_clock(), std::max(before, lowest)) << "seed " << seed;
      before = table.min_clock();
    }
    // All at the same clock: that is the minimum.
    for (const auto& [life, next] : members) before = std::max(before, next);
    for (const auto& [life, next] : members) table.Advance(life, before);
    EXPECT_TRUE(members.empty() || table.min_clock() == before) << "seed " << seed;
  }
}

}  // namespace
}  // namespace rubato
