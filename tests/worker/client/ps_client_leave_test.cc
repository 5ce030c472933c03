// A worker that leaves before the run is over, and the end of its fleet.
#include <gtest/gtest.h>

#include <optional>
#include <variant>
#include <vector>

#include "worker/client/ps_client.h"

namespace rubato {
namespace {

constexpr Nonce kShard(11);
constexpr Life kShardLife(1);
constexpr Life kLife(2);

// On one shard, in one life; all its iterations are empty.
class PsClientLeaveTest : public ::testing::Test {
 protected:
  void Begin(Staleness staleness, Clock start) {
    TableSpec table;
    table.kind = TableKind::kDense;
    table.dim = 1;
    table.size = 1;
    table.staleness = staleness;
    options_.job.tables = {table};
    options_.job.last_clock = Clock(1000);
    client_.emplace(options_, 1, now_);
    view_.shards = {{kShardLife, kShard, "there"}};
    view_.members = {{kLife, SeatId(0), client_->nonce(), start}};
    Show();
    Ack(start, Clock(0));
  }
  void Show() {
    view_.version = ViewVersion(view_.version.value() + 1);
    client_->Receive(now_, kSchedulerNonce, view_, &out_);
  }
  void Ack(Clock applied, Clock durable) {
    client_->Receive(now_, kShard,
                     rubato::Ack{kShardLife, kLife, applied, applied, durable, applied, {}}, &out_);
  }
  void PushOne() {
    const Clock clock = client_->clock();
    Ack(clock, Clock(0));  // the gate is open
    client_->Prefetch(now_, clock, Parameters(1), PsClient::Freshness::kBounded, &out_);
    client_->Start(now_, clock, &out_);
    client_->Push(now_, clock, Parameters(), &out_);
  }
  // Its newest sign of life.
  std::optional<Heartbeat> Beat() {
    out_ = {};
    now_ = now_ + options_.heartbeat_every;
    client_->Tick(now_, &out_);
    std::optional<Heartbeat> newest;
    for (const Envelope& envelope : out_.messages) {
      if (const auto* beat = std::get_if<Heartbeat>(&envelope.message)) newest = *beat;
    }
    return newest;
  }
  bool SaysLeft() const {
    for (const ClientEvent& event : out_.events) {
      if (std::holds_alternative<Left>(event)) return true;
    }
    return false;
  }

  Instant now_;
  PsClientOptions options_;
  std::optional<PsClient> client_;
  View view_;
  ClientOutput out_;
};

TEST_F(PsClientLeaveTest, AsksForASnapshotAndLeavesWhenItHoldsAllThatWasPushed) {
  Begin(Staleness(2), Clock(5));
  PushOne();
  EXPECT_FALSE(Beat()->log_fill);
  client_->LeaveWhenDurable(now_);
  EXPECT_EQ(Beat()->log_fill, 1.0F);
  EXPECT_FALSE(client_->held_from());
  view_.cut = OpenCut{SnapshotNumber(1), Clock(7), true};
  Show();
  EXPECT_EQ(client_->held_from(), Clock(7));  // what comes later had better wait
  PushOne();
  Ack(Clock(7), Clock(6));
  EXPECT_FALSE(Beat()->leaving);
  EXPECT_FALSE(client_->left());
  Ack(Clock(7), Clock(7));
  EXPECT_TRUE(Beat()->leaving);
  EXPECT_TRUE(SaysLeft());
  EXPECT_TRUE(client_->left());
}

TEST_F(PsClientLeaveTest, ACutThatIsWithdrawnHoldsNothing) {
  Begin(Staleness(0), Clock(5));
  PushOne();
  client_->LeaveWhenDurable(now_);
  view_.cut = OpenCut{SnapshotNumber(1), Clock(6), true};
  Show();
  EXPECT_EQ(client_->held_from(), Clock(6));
  view_.cut.reset();
  Show();
  EXPECT_FALSE(client_->held_from());
}

// A torn snapshot holds what is there when it is cut.
TEST_F(PsClientLeaveTest, UnderAspNothingMoreIsPushed) {
  Begin(Staleness::Infinite(), Clock(0));
  PushOne();
  client_->LeaveWhenDurable(now_);
  EXPECT_EQ(client_->held_from(), Clock(1));
  Ack(Clock(1), Clock(1));
  Beat();
  EXPECT_TRUE(client_->left());
}

TEST_F(PsClientLeaveTest, WhoHasPushedNothingLeavesAtOnce) {
  Begin(Staleness(2), Clock(5));
  client_->LeaveWhenDurable(now_);
  EXPECT_TRUE(Beat()->leaving);
  EXPECT_TRUE(client_->left());
}

TEST_F(PsClientLeaveTest, SoDoesWhoHasNoLife) {
  client_.emplace(options_, 1, now_);
  client_->LeaveWhenDurable(now_);
  Beat();
  EXPECT_TRUE(SaysLeft());
}

TEST_F(PsClientLeaveTest, OnlyTheSchedulerEndsTheFleet) {
  Begin(Staleness(2), Clock(5));
  out_ = {};
  for (const Nonce stranger : {kShard, Nonce(99)}) {
    client_->Receive(now_, stranger, FleetEnd{75}, &out_);
  }
  EXPECT_TRUE(out_.events.empty());
  client_->Receive(now_, kSchedulerNonce, FleetEnd{75}, &out_);
  ASSERT_EQ(out_.events.size(), 1u);
  EXPECT_EQ(std::get<FleetEnded>(out_.events[0]).code, 75);
}

// Nothing follows: neither a Hello, nor what it had to push.
TEST_F(PsClientLeaveTest, WhoseSeatANewerProcessHasSaysNothingAnyMore) {
  Begin(Staleness(1), Clock(0));
  const ErrorReply taken{static_cast<uint32_t>(absl::StatusCode::kAlreadyExists), "taken"};
  client_->Receive(now_, kShard, taken, &out_);  // a shard has no say in it
  EXPECT_FALSE(client_->left());
  out_ = {};
  client_->Receive(now_, kSchedulerNonce, taken, &out_);
  ASSERT_EQ(out_.events.size(), 1u);
  EXPECT_EQ(std::get<SeatTaken>(out_.events[0]).sentence, "taken");
  out_ = {};
  for (int i = 0; i < 100; ++i) {
    now_ = now_ + options_.heartbeat_every;
    client_->Tick(now_, &out_);
    Show();
  }
  EXPECT_TRUE(out_.messages.empty());
}

}  // namespace
}  // namespace rubato
