// What becomes of a worker whose gradients are no numbers.
#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <variant>
#include <vector>

#include "worker/client/ps_client.h"

namespace rubato {
namespace {

constexpr Nonce kShard(11);
constexpr Life kShardLife(1);
constexpr uint64_t kStrikes = 3;

// A worker of one row on one shard, in lives 2, 3, ...
class PsClientQuarantineTest : public ::testing::Test {
 protected:
  PsClientQuarantineTest() {
    TableSpec table;
    table.kind = TableKind::kDense;
    table.dim = 1;
    table.size = 1;
    table.staleness = Staleness::Infinite();
    options_.job.tables = {table};
    options_.job.last_clock = Clock(1000);
    options_.strikes = kStrikes;
    Open();
  }
  void Open() {
    client_.emplace(options_, 1, now_);
    Live(Clock(0));
  }
  // The next life begins.
  void Live(Clock start) {
    ++version_;
    life_ = Life(version_ + 1);
    View view;
    view.version = ViewVersion(version_);
    view.shards = {{kShardLife, kShard, "there"}};
    if (client_->life() != kNoLife) Tell(kSchedulerNonce, view);  // the last one is over
    view.version = ViewVersion(++version_);
    view.members = {{life_, SeatId(0), client_->nonce(), start}};
    Tell(kSchedulerNonce, view);
    AckWith(std::nullopt);
  }
  void Tell(Nonce from, const Message& message) { client_->Receive(now_, from, message, &out_); }
  void AckWith(std::optional<Clock> refused) {
    const Clock clock = client_->clock();
    Tell(kShard, Ack{kShardLife, life_, clock, clock, Clock(0), Clock(0), refused});
  }
  // One iteration, which ends in this gradient; whether its push holds any row.
  bool PushOne(float gradient) {
    const Clock clock = client_->clock();
    Parameters keys(1);
    keys[0].keys = {RowKey(0)};
    client_->Prefetch(now_, clock, keys, PsClient::Freshness::kBounded, &out_);
    client_->Start(now_, clock, &out_);
    const auto pull = std::get<Pull>(out_.messages.back().message);
    PullReply reply{kShardLife, life_, pull.id, ViewVersion(version_), Clock(0), pull.rows};
    reply.rows[0].values = Buffer::Own(std::vector<float>(1));
    Tell(kShard, reply);
    keys[0].values = {gradient};
    out_ = ClientOutput{};
    client_->Push(now_, clock, keys, &out_);
    return !client_->log(PlaceId(0)).Find(clock)->parts[0].empty();
  }
  bool IsTold() const {
    for (const ClientEvent& event : out_.events) {
      if (std::holds_alternative<Quarantined>(event)) return true;
    }
    return false;
  }

  const float nan_ = std::numeric_limits<float>::quiet_NaN();
  Instant now_;
  PsClientOptions options_;
  std::optional<PsClient> client_;
  ClientOutput out_;
  uint64_t version_ = 0;
  Life life_;
};

TEST_F(PsClientQuarantineTest, WhoHasMadeItsStrikesPushesNothing) {
  EXPECT_FALSE(PushOne(nan_));
  EXPECT_TRUE(PushOne(1.0F));
  EXPECT_FALSE(PushOne(nan_));
  EXPECT_FALSE(client_->quarantined());
  EXPECT_FALSE(PushOne(nan_));
  EXPECT_TRUE(IsTold());
  EXPECT_EQ(client_->quarantined(), Clock(3));
  const auto beat = std::get<Heartbeat>(out_.messages[0].message);
  EXPECT_EQ(beat.quarantined, Clock(3));
  EXPECT_EQ(beat.strikes, kStrikes);
  EXPECT_FALSE(PushOne(1.0F));
  EXPECT_EQ(client_->counters().nonfinite, kStrikes);
}

TEST_F(PsClientQuarantineTest, WhatAShardRefusesIsAStrikeHoweverOftenItSaysSo) {
  for (const int64_t clock : {0, 1, 2}) {
    EXPECT_TRUE(PushOne(1.0F));
    EXPECT_FALSE(client_->quarantined());
    AckWith(Clock(clock));
    AckWith(Clock(clock));
  }
  EXPECT_EQ(client_->quarantined(), Clock(3));
}

TEST_F(PsClientQuarantineTest, WhatWasComputedMayBeKnownToBeNoNumber) {
  options_.strikes = 1;
  Open();
  Parameters keys(1);
  client_->Prefetch(now_, Clock(0), keys, PsClient::Freshness::kBounded, &out_);
  client_->Start(now_, Clock(0), &out_);
  client_->PushNothing(now_, Clock(0), PsClient::Trust::kSome, &out_);
  EXPECT_EQ(client_->quarantined(), Clock(0));
  EXPECT_EQ(client_->clock(), Clock(1));
}

TEST_F(PsClientQuarantineTest, WhoIsNotTrustedAnyMoreNeedsNoMoreStrikes) {
  client_->Prefetch(now_, Clock(0), Parameters(1), PsClient::Freshness::kBounded, &out_);
  client_->Start(now_, Clock(0), &out_);
  out_ = ClientOutput{};
  client_->PushNothing(now_, Clock(0), PsClient::Trust::kNone, &out_);
  EXPECT_EQ(client_->quarantined(), Clock(0));
  EXPECT_TRUE(IsTold());
  // The scheduler is told before any shard.
  ASSERT_EQ(out_.messages.size(), 2U);
  EXPECT_EQ(std::get<Heartbeat>(out_.messages[0].message).strikes, 1U);
  EXPECT_TRUE(std::holds_alternative<rubato::Push>(out_.messages[1].message));
}

TEST_F(PsClientQuarantineTest, StrikesCountOverLivesAndTheirNumbers) {
  EXPECT_FALSE(PushOne(nan_));
  EXPECT_FALSE(PushOne(nan_));
  Live(Clock(0));
  EXPECT_TRUE(PushOne(1.0F));
  EXPECT_FALSE(PushOne(nan_));
  EXPECT_EQ(client_->quarantined(), Clock(1));
  Live(Clock(7));
  EXPECT_EQ(client_->quarantined(), Clock(7));
  EXPECT_FALSE(PushOne(1.0F));
}

TEST_F(PsClientQuarantineTest, WithoutStrikesNobodyIsPutOut) {
  options_.strikes = 0;
  Open();
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(PushOne(nan_));
  EXPECT_TRUE(PushOne(1.0F));
  EXPECT_FALSE(client_->quarantined());
}

}  // namespace
}  // namespace rubato
