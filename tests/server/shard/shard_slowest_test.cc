// Whom a shard names when others wait.
#include <optional>
#include <variant>

#include "gtest/gtest.h"
#include "server/shard/shard.h"

namespace rubato {
namespace {

constexpr Nonce kShard(11);
constexpr Life kFirst(2);
constexpr Life kSecond(3);

// A shard that serves two workers at s = 0.
class ShardSlowestTest : public ::testing::Test {
 protected:
  ShardSlowestTest() {
    Job job;
    job.tables.resize(1);
    job.tables[0].staleness = Staleness(0);
    job.seats = 2;
    shard_.emplace(ShardOptions{PlaceId(0), kShard, "here", job}, now_);
    View view;
    view.version = ViewVersion(1);
    view.shards = {{Life(1), kShard, "here"}};
    view.members = {{kFirst, SeatId(0), Nonce(12), Clock(0)},
                    {kSecond, SeatId(1), Nonce(13), Clock(0)}};
    Tell(kSchedulerNonce, view);
  }
  void Tell(Nonce from, const Message& message) {
    ShardOutput out;
    shard_->Receive(now_, from, message, &out);
  }
  void TellPush(Nonce from, Life life, int64_t clock) {
    Push push;
    push.from = life;
    push.to = Life(1);
    push.clock = Clock(clock);
    push.parts = 1;
    Tell(from, push);
  }
  // The last message of this kind after a minute has passed.
  template <class T>
  std::optional<T> Hear() {
    now_ = now_ + Duration::Seconds(60);
    ShardOutput out;
    shard_->Tick(now_, &out);
    for (auto envelope = out.messages.rbegin(); envelope != out.messages.rend(); ++envelope) {
      if (const T* message = std::get_if<T>(&envelope->message)) return *message;
    }
    return std::nullopt;
  }

  Instant now_;
  std::optional<Shard> shard_;
};

TEST_F(ShardSlowestTest, IsWhosePushIsNotHereAndNotWhosePushWaits) {
  EXPECT_EQ(Hear<ShardReport>()->slowest, kFirst);
  TellPush(Nonce(12), kFirst, 0);
  EXPECT_EQ(Hear<ShardReport>()->slowest, kSecond);  // as far as the first, which did its part
  EXPECT_EQ(Hear<ShardReport>()->min_clock, Clock(0));
  TellPush(Nonce(13), kSecond, 0);
  EXPECT_EQ(Hear<ShardReport>()->slowest, kFirst);
  EXPECT_EQ(Hear<ShardReport>()->min_clock, Clock(1));
}

TEST_F(ShardSlowestTest, IsNamedToWhoWaits) {
  TellPush(Nonce(12), kFirst, 0);
  Tell(Nonce(12), Pull{kFirst, Life(1), RequestId(1), Clock(1), {}, {}});
  const auto parked = Hear<Parked>();
  ASSERT_TRUE(parked);
  EXPECT_EQ(parked->slowest, kSecond);
}

TEST_F(ShardSlowestTest, IsAJoinerWhileItHasNoStart) {
  View view = shard_->view();
  view.version = ViewVersion(2);
  view.members.push_back({Life(4), SeatId(2), Nonce(14), std::nullopt});
  Tell(kSchedulerNonce, view);
  TellPush(Nonce(12), kFirst, 0);
  TellPush(Nonce(13), kSecond, 0);
  EXPECT_EQ(Hear<ShardReport>()->slowest, Life(4));
}

}  // namespace
}  // namespace rubato
