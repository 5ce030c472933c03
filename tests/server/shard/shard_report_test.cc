// When a shard reports by itself, between the reports that it makes all the time.
#include <optional>
#include <variant>
#include <vector>

#include "gtest/gtest.h"
#include "server/shard/shard.h"

namespace rubato {
namespace {

constexpr Nonce kShard(11);
constexpr Life kShardLife(9);
constexpr int64_t kPerEpoch = 3;  // barriers at clocks 2, 5

class ShardReportTest : public ::testing::Test {
 protected:
  void Start(Staleness staleness) {
    Job job;
    job.tables.resize(1);
    job.tables[0].staleness = staleness;
    job.last_clock = Clock(2 * kPerEpoch);
    job.iterations_per_epoch = kPerEpoch;
    job.best_epoch = true;
    shard_.emplace(ShardOptions{PlaceId(0), kShard, "here", job}, Instant());
    view_.version = ViewVersion(5);
    view_.shards = {{kShardLife, kShard, "here"}};
    view_.members = {{Life(1), SeatId(0), Nonce(101), Clock(0)},
                     {Life(2), SeatId(1), Nonce(102), Clock(0)}};
    Say(kSchedulerNonce, view_);
  }
  // min_clock of the reports that a message brings about.
  std::vector<Clock> Say(Nonce from, const Message& message) {
    ShardOutput out;
    shard_->Receive(Instant(), from, message, &out);
    std::vector<Clock> told;
    for (const Envelope& envelope : out.messages) {
      const auto* report = std::get_if<ShardReport>(&envelope.message);
      if (report != nullptr) told.push_back(report->min_clock);
    }
    return told;
  }
  std::vector<Clock> PushOf(uint64_t life, int64_t clock) {
    return Say(Nonce(100 + life),
               Push{Life(life), kShardLife, Clock(clock), Clock(clock), 0, 1, {}});
  }

  View view_;
  std::optional<Shard> shard_;
};

// It is announced only then: everybody waited for the next report of the slowest shard, a tenth of
// a second, each epoch.
TEST_F(ShardReportTest, UnderAspTheClockWhereAllWaitIsToldAtOnce) {
  Start(Staleness::Infinite());
  EXPECT_TRUE(PushOf(1, 0).empty());
  EXPECT_TRUE(PushOf(1, 1).empty());
  EXPECT_TRUE(PushOf(2, 0).empty());
  EXPECT_EQ(PushOf(2, 1), std::vector{Clock(2)});
  EXPECT_TRUE(PushOf(2, 2).empty());
  view_.version = ViewVersion(6);
  view_.committed = {
      SnapshotNumber(1), Clock(2), view_.generation, {{SnapshotNumber(1), PlaceId(0), kShardLife}}};
  Say(kSchedulerNonce, view_);
  for (const int64_t clock : {3, 4}) EXPECT_TRUE(PushOf(2, clock).empty());
  for (const int64_t clock : {2, 3}) EXPECT_TRUE(PushOf(1, clock).empty());
  EXPECT_EQ(PushOf(1, 4), std::vector{Clock(5)});
}

TEST_F(ShardReportTest, UnderABoundItIsAnnouncedBeforeAndNothingIsTold) {
  Start(Staleness(4));
  for (const int64_t clock : {0, 1, 2}) {
    EXPECT_TRUE(PushOf(1, clock).empty());
    EXPECT_TRUE(PushOf(2, clock).empty());
  }
}

}  // namespace
}  // namespace rubato
