// Strangers: what the machines answer to whom. That they believe nobody who is not the process of
// the life that he claims, the simulator shows (V15).
#include <algorithm>
#include <optional>
#include <variant>
#include <vector>

#include "common/wire/codec.h"
#include "gtest/gtest.h"
#include "server/scheduler/scheduler.h"
#include "server/shard/shard.h"

namespace rubato {
namespace {

constexpr Nonce kShard(11);
constexpr Nonce kWorker(21);
constexpr Nonce kStranger(66);

class FencedSchedulerTest : public ::testing::Test {
 protected:
  FencedSchedulerTest() {
    SchedulerOptions options;
    options.job.last_clock = Clock(10);
    hello_.job_fingerprint = options.job.Fingerprint();
    scheduler_.emplace(options, Scheduler::FirstState(options.job), now_);
    Tell(kShard, HelloOf(Role::kShard));
    Tell(kWorker, HelloOf(Role::kWorker));
  }
  Hello HelloOf(Role role) const {
    Hello hello = hello_;
    hello.role = role;
    return hello;
  }
  SchedulerOutput Tell(Nonce from, const Message& message) {
    SchedulerOutput out;
    scheduler_->Receive(now_, from, message, &out);
    return out;
  }

  Instant now_;
  Hello hello_;
  std::optional<Scheduler> scheduler_;
};

TEST_F(FencedSchedulerTest, AStrangerIsToldNothingAndTheEvictedAreToldTheView) {
  Heartbeat beat;
  beat.life = Life(99);
  EXPECT_TRUE(Tell(kStranger, beat).messages.empty());
  EXPECT_TRUE(Tell(kStranger, ShardReport{}).messages.empty());

  ShardReport report;
  report.life = scheduler_->view().shards[0].life;
  report.seen = scheduler_->view().version;
  Tell(kShard, report);
  const Nonce next(22);  // takes the seat
  Tell(next, HelloOf(Role::kWorker));
  beat.life = Life(2);
  const SchedulerOutput out = Tell(kWorker, beat);
  ASSERT_EQ(out.messages.size(), 1u);
  EXPECT_EQ(out.messages[0].to, kWorker);
  EXPECT_EQ(out.messages[0].message, Message(scheduler_->view()));
}

TEST_F(FencedSchedulerTest, AReaderThatIsGoneIsNotTakenForANewOne) {
  const Nonce reader(31);
  Tell(reader, HelloOf(Role::kReader));
  ASSERT_EQ(scheduler_->view().readers.size(), 1u);
  Heartbeat goodbye;
  goodbye.life = scheduler_->view().readers[0].life;
  goodbye.leaving = true;
  Tell(reader, goodbye);
  const SchedulerOutput late = Tell(reader, HelloOf(Role::kReader));
  EXPECT_TRUE(scheduler_->view().readers.empty());
  ASSERT_EQ(late.messages.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<Stale>(late.messages[0].message));
}

TEST_F(FencedSchedulerTest, AFloodOfReadersEndsInASentence) {
  SchedulerOutput out;
  for (uint64_t n = 1000; n < 1100; ++n) out = Tell(Nonce(n), HelloOf(Role::kReader));
  EXPECT_EQ(scheduler_->view().readers.size(), 64u);
  EXPECT_FALSE(out.persist);
  EXPECT_EQ(std::get<ErrorReply>(out.messages.at(0).message).sentence,
            "this fleet has 64 readers already: try again when one of them is done");
}

// A shard with one member, life 2.
class FencedShardTest : public ::testing::Test {
 protected:
  FencedShardTest() {
    Job job;
    job.tables.resize(1);
    job.tables[0].dim = 1;
    job.tables[0].staleness = Staleness(1);
    shard_.emplace(ShardOptions{PlaceId(0), kShard, "here", job}, Instant());
    view_.version = ViewVersion(1);
    view_.shards = {{Life(1), kShard, "here"}};
    view_.members = {{Life(2), SeatId(0), kWorker, Clock(0)}};
    Tell(kSchedulerNonce, view_);
  }
  ShardOutput Tell(Nonce from, const Message& message) {
    ShardOutput out;
    shard_->Receive(Instant(), from, message, &out);
    return out;
  }
  Outbox Ask(uint64_t id, int64_t use) {
    return Tell(kWorker, Pull{Life(2), Life(1), RequestId(id), Clock(use), {}, {}}).messages;
  }
  ShardOutput PushOf(Nonce from, int64_t clock) {
    return Tell(from, Push{Life(2), Life(1), Clock(clock), Clock(clock), 0, 1, {}});
  }

  View view_;
  std::optional<Shard> shard_;
};

TEST_F(FencedShardTest, APushOfARightLifeAndAWrongNonceIsStale) {
  const ShardOutput out = PushOf(kStranger, 0);
  EXPECT_EQ(shard_->received(Life(2)), Clock(0));
  ASSERT_EQ(out.messages.size(), 1u);
  EXPECT_EQ(out.messages[0].to, kStranger);
  EXPECT_TRUE(std::holds_alternative<Stale>(out.messages[0].message));
  PushOf(kWorker, 0);
  EXPECT_EQ(shard_->received(Life(2)), Clock(1));
}

TEST_F(FencedShardTest, ParkedPullsOpenInTheOrderOfTheirClocks) {
  EXPECT_TRUE(Ask(1, 3).empty());
  EXPECT_TRUE(Ask(2, 2).empty());
  EXPECT_TRUE(Ask(2, 2).empty());  // asked again
  std::vector<RequestId> answered;
  for (int64_t clock = 0; clock < 2; ++clock) {
    for (const Envelope& envelope : PushOf(kWorker, clock).messages) {
      const auto* reply = std::get_if<PullReply>(&envelope.message);
      if (reply != nullptr) answered.push_back(reply->id);
    }
  }
  EXPECT_EQ(answered, (std::vector<RequestId>{RequestId(2), RequestId(1)}));
}

// Each of them was once compared with all that were parked before it.
TEST_F(FencedShardTest, ManyParkedPullsAreBoundedAndGoWithTheirLife) {
  constexpr uint64_t kParked = 384;
  for (uint64_t id = 1; id <= 250'000; ++id) EXPECT_EQ(Ask(id, 2).empty(), id <= kParked);
  ShardOutput out = PushOf(kWorker, 0);
  EXPECT_EQ(std::count_if(out.messages.begin(), out.messages.end(),
                          [](const Envelope& envelope) {
                            return std::holds_alternative<PullReply>(envelope.message);
                          }),
            kParked);
  Ask(1, 9);
  view_.version = ViewVersion(2);
  view_.members.clear();
  Tell(kSchedulerNonce, view_);
  ShardOutput later;
  shard_->Tick(Instant::FromNanos(60'000'000'000), &later);
  for (const Envelope& envelope : later.messages) {
    EXPECT_FALSE(std::holds_alternative<Parked>(envelope.message));
  }
}

TEST_F(FencedShardTest, OnlyTheSchedulerShowsAView) {
  view_.version = ViewVersion(2);
  Tell(kWorker, view_);
  EXPECT_EQ(shard_->view().version, ViewVersion(1));
}

}  // namespace
}  // namespace rubato
