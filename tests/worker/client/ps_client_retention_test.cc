// How much of its pushes a worker keeps for replay, and what it does at the bounds.
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
constexpr int64_t kPushBytes = 4 * 1000;  // of values

// A worker of one dense table on one shard; every push is of the same size.
class PsClientRetentionTest : public ::testing::Test {
 protected:
  PsClientRetentionTest() {
    TableSpec table;
    table.kind = TableKind::kDense;
    table.dim = 1000;
    table.size = 1000;
    table.staleness = Staleness::Infinite();
    options_.job.tables = {table};
    options_.job.last_clock = Clock(1000);
    options_.job.retention_soft_bytes = 10 * kPushBytes;
    options_.job.retention_hard_bytes = 20 * kPushBytes;
    Join();
  }
  void Join(Clock start = Clock(0)) {
    client_.emplace(options_, 1, now_);
    View view;
    view.version = ViewVersion(1);
    view.shards = {{kShardLife, kShard, "there"}};
    view.members = {{kLife, SeatId(0), client_->nonce(), start}};
    Tell(kSchedulerNonce, view);
    AckFrom(start.value(), 0);
  }
  void Tell(Nonce from, const Message& message) { client_->Receive(now_, from, message, &out_); }
  // The shard has applied all pushes < applied, and < durable are in a committed snapshot.
  void AckFrom(int64_t applied, int64_t durable) {
    Tell(kShard,
         Ack{kShardLife, kLife, Clock(applied), Clock(applied), Clock(durable), Clock(0), {}});
  }
  void PushIterations(int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      const Clock clock = client_->clock();
      Parameters keys(1);
      keys[0].keys = {RowKey(0)};
      client_->Prefetch(now_, clock, keys, PsClient::Freshness::kBounded, &out_);
      client_->Start(now_, clock, &out_);
      const auto pull = std::get<Pull>(out_.messages.back().message);
      PullReply reply{kShardLife, kLife, pull.id, ViewVersion(1), Clock(0), pull.rows};
      reply.rows[0].values = Buffer::Own(std::vector<float>(1000));
      Tell(kShard, reply);
      client_->Push(now_, clock, std::get<Ready>(out_.events.back()).rows, &out_);
      out_ = ClientOutput{};
    }
  }
  // What a heartbeat says of the log.
  std::optional<float> Fill() {
    now_ = now_ + options_.heartbeat_every;
    ClientOutput out;
    client_->Tick(now_, &out);
    for (const Envelope& envelope : out.messages) {
      if (const auto* beat = std::get_if<Heartbeat>(&envelope.message)) return beat->log_fill;
    }
    ADD_FAILURE() << "no heartbeat";
    return std::nullopt;
  }
  const PushLog& log() const { return client_->log(PlaceId(0)); }

  Instant now_;
  PsClientOptions options_;
  std::optional<PsClient> client_;
  ClientOutput out_;
};

TEST_F(PsClientRetentionTest, AsksForASnapshotByBytesAndStopsAskingOnceItIsCommitted) {
  PushIterations(9);
  EXPECT_FALSE(Fill());
  PushIterations(2);
  ASSERT_TRUE(Fill());
  EXPECT_NEAR(*Fill(), 0.1, 0.05);  // 11 pushes with their keys, of 10 to 20
  AckFrom(11, 9);
  EXPECT_FALSE(Fill());
  EXPECT_EQ(log().start(), Clock(9));
  EXPECT_EQ(client_->counters().unprotected, 0U);
}

TEST_F(PsClientRetentionTest, DropsTheOldestAppliedPushesAtTheHardBoundAndNoOthers) {
  PushIterations(30);  // none is applied: all must stay
  EXPECT_EQ(log().start(), Clock(0));
  AckFrom(25, 0);
  PushIterations(1);
  EXPECT_GT(log().start(), Clock(0));
  EXPECT_LE(log().start(), Clock(25));
  EXPECT_LE(log().bytes(), options_.job.retention_hard_bytes);
  EXPECT_EQ(client_->counters().unprotected, static_cast<uint64_t>(log().start().value()));
}

// With s = inf nothing of a life that begins at the last clock can be lost; but a fleet resume may
// still need its seat.
TEST_F(PsClientRetentionTest, StaysUntilTheLastClockIsCommitted) {
  Join(options_.job.last_clock);
  AckFrom(1000, 1000);
  Fill();
  EXPECT_FALSE(client_->left());
  View view = client_->view();
  view.version = ViewVersion(2);
  view.committed.clock = options_.job.last_clock;
  out_ = ClientOutput{};
  Tell(kSchedulerNonce, view);
  EXPECT_TRUE(client_->left());
  ASSERT_FALSE(out_.messages.empty());
  EXPECT_TRUE(std::get<Heartbeat>(out_.messages.back().message).leaving);
}

// Whether its image holds them is the new life's to say.
TEST_F(PsClientRetentionTest, WhatADeadShardLifeSaidIsDurableIsNotHeldAgainstTheNextOne) {
  PushIterations(9);
  AckFrom(9, 5);
  EXPECT_EQ(client_->durable(), Clock(5));
  View view = client_->view();
  view.version = ViewVersion(2);
  view.shards[0].life = Life(3);
  Tell(kSchedulerNonce, view);
  EXPECT_EQ(client_->durable(), Clock(0));
  Tell(kShard, Ack{Life(3), kLife, Clock(5), Clock(5), Clock(5), Clock(0), {}});
  EXPECT_EQ(client_->durable(), Clock(5));
  EXPECT_EQ(log().start(), Clock(5));  // and all from there on is still here
  EXPECT_EQ(log().end(), Clock(9));
}

// Thousands of small pushes are no reason for a snapshot: it would be made every few seconds.
TEST_F(PsClientRetentionTest, ByDefaultThousandsOfSmallPushesAreKept) {
  options_.job.retention_soft_bytes = Job{}.retention_soft_bytes;
  options_.job.retention_hard_bytes = Job{}.retention_hard_bytes;
  Join();
  PushIterations(999);
  AckFrom(999, 0);
  EXPECT_FALSE(Fill());
  EXPECT_EQ(log().size(), 999U);
}

}  // namespace
}  // namespace rubato
