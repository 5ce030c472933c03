// The rules of the protocol at their edges, one by one.
#include "common/wire/protocol.h"

#include <array>

#include "gtest/gtest.h"

namespace rubato {
namespace {

using Verdict = PushRule::Verdict;

TEST(PushRuleTest, TakesTheNumberReceivedUpToTheWindow) {
  const Clock received(5);
  EXPECT_EQ(PushRule::Judge(Clock(4), received, Clock(3), Staleness(2)), Verdict::kDuplicate);
  EXPECT_EQ(PushRule::Judge(Clock(5), received, Clock(3), Staleness(2)), Verdict::kTake);
  EXPECT_EQ(PushRule::Judge(Clock(5), received, Clock(2), Staleness(2)), Verdict::kBeyondWindow);
  EXPECT_EQ(PushRule::Judge(Clock(6), received, Clock(9), Staleness(2)), Verdict::kGap);
  EXPECT_EQ(PushRule::Judge(Clock(5), received, Clock(0), Staleness::Infinite()), Verdict::kTake);
}

TEST(ReadRuleTest, OpensAtTheBoundOrTheExactClock) {
  EXPECT_EQ(ReadRule::OpensAt({}, Clock(7), Staleness(2)), Clock(5));
  EXPECT_EQ(ReadRule::OpensAt({}, Clock(1), Staleness(2)), Clock(0));
  EXPECT_EQ(ReadRule::OpensAt({}, Clock(7), Staleness::Infinite()), Clock(0));
  EXPECT_EQ(ReadRule::OpensAt(Clock(7), Clock(7), Staleness(2)), Clock(7));
  EXPECT_EQ(ReadRule::OpensAt(Clock(7), Clock(7), Staleness::Infinite()), Clock(7));
}

TEST(CutRuleTest, HoldsWhatIsBelowItAndRefusesWhatIsApplied) {
  EXPECT_TRUE(CutRule::Holds(Clock(4), Clock(3)));
  EXPECT_FALSE(CutRule::Holds(Clock(4), Clock(4)));
  EXPECT_TRUE(CutRule::ComesInTime(Clock(4), Clock(4)));
  EXPECT_FALSE(CutRule::ComesInTime(Clock(4), Clock(5)));
}

TEST(CutRuleTest, IsNeverBeyondWhereAllWait) {
  EXPECT_EQ(CutRule::Soonest(Clock(5), ClockDelta(2), Clock(3), Clock(20)), Clock(7));
  EXPECT_EQ(CutRule::Soonest(Clock(3), ClockDelta(0), Clock(3), Clock(20)), Clock(4));
  EXPECT_EQ(CutRule::Soonest(Clock(19), ClockDelta(2), Clock(3), Clock(20)), Clock(20));
}

TEST(JoinRuleTest, StartsAtTheHighest) {
  const std::array held{Clock(3), Clock(6)};
  EXPECT_EQ(JoinRule::Start(held, Clock(4)), Clock(6));
  EXPECT_EQ(JoinRule::Start(held, Clock(8)), Clock(8));
}

TEST(RetentionRuleTest, LeavesOnceTheLastClockIsCommitted) {
  EXPECT_FALSE(RetentionRule::MayLeave(Clock(9), Clock(8), Clock(9)));
  EXPECT_TRUE(RetentionRule::MayLeave(Clock(9), Clock(9), Clock(9)));
}

TEST(WishRuleTest, IsHeardTheSoonerTheFullerTheLogIs) {
  EXPECT_EQ(WishRule::Fill(100, 100, 200), std::nullopt);
  EXPECT_EQ(WishRule::Fill(125, 100, 200), 0.25F);
  EXPECT_EQ(WishRule::Fill(300, 100, 200), 1.0F);
  EXPECT_EQ(WishRule::Fill(101, 100, 100), 1.0F);  // there is nothing between the bounds
  EXPECT_EQ(WishRule::Pause(Duration::Seconds(30), 0), Duration::Seconds(30));
  EXPECT_EQ(WishRule::Pause(Duration::Seconds(30), 0.75F), Duration::Seconds(7.5));
  EXPECT_EQ(WishRule::Pause(Duration::Seconds(30), 1), Duration());
}

TEST(CreditRuleTest, TwoOfTheLargestIterationsFitWithWhatHoldsTheirRows) {
  EXPECT_EQ(CreditRule::OfPushes(1), CreditRule::kLeastPushes);
  // 4096 blocks of 16 KiB, 63 in a part.
  const uint64_t parts = 66;
  const uint64_t rows = 4096 * (sizeof(RowKey) + 4096 * sizeof(float));
  const uint64_t push = rows + parts * (CreditRule::kPartBytes + CreditRule::kTableBytes);
  const uint64_t credit = CreditRule::OfPushes(rows);
  EXPECT_TRUE(CreditRule::MaySend(push, push, credit));
  EXPECT_FALSE(CreditRule::MaySend(2 * push, push, credit));
}

TEST(EvictionRuleTest, TellsLossFromTornIterations) {
  EXPECT_FALSE(EvictionRule::IsLoss(ClockDelta(3), Staleness(2)));
  EXPECT_TRUE(EvictionRule::IsLoss(ClockDelta(4), Staleness(2)));
  EXPECT_FALSE(EvictionRule::IsLoss(ClockDelta(100), Staleness::Infinite()));
  EXPECT_TRUE(EvictionRule::IsToBlame(Clock(3), Clock(3)));
  EXPECT_FALSE(EvictionRule::IsToBlame(Clock(4), Clock(3)));
  EXPECT_FALSE(EvictionRule::IsFinal(ViewVersion(6), ViewVersion(7)));
  EXPECT_TRUE(EvictionRule::IsFinal(ViewVersion(7), ViewVersion(7)));
}

TEST(FenceRuleTest, KnowsWhomTheViewNames) {
  View view;
  view.members.push_back({Life(1), SeatId(0), Nonce(11), Clock(0)});
  view.shards.push_back({Life(2), Nonce(12), ""});
  view.readers.push_back({Life(3), Nonce(13)});
  for (const Nonce nonce : {Nonce(11), Nonce(12), Nonce(13)}) {
    EXPECT_TRUE(FenceRule::Names(view, nonce));
  }
  EXPECT_FALSE(FenceRule::Names(view, Nonce(14)));
  EXPECT_FALSE(FenceRule::IsNewer(ViewVersion(3), ViewVersion(3)));
}

}  // namespace
}  // namespace rubato
