// What a worker has on its way to one shard is bounded by its credit there, and whatever is lost,
// the rest follows.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/limits.h"
#include "common/wire/protocol.h"
#include "worker/client/ps_client.h"

namespace rubato {
namespace {

constexpr Nonce kShard(11);
constexpr Life kLife(2);
constexpr uint64_t kRowBytes = sizeof(RowKey) + kMaxDim * sizeof(float);
constexpr uint64_t kRows = 96;  // of a push: 24 MiB, of which the least credit has room for two

using Clocks = std::vector<Clock>;

// A worker of one sparse table of the largest rows on one shard, without a bound of staleness.
class PsClientCreditTest : public ::testing::Test {
 protected:
  PsClientCreditTest() {
    TableSpec table;
    table.dim = kMaxDim;
    table.staleness = Staleness::Infinite();
    options_.job.tables = {table};
    options_.job.last_clock = Clock(1000);
    options_.job.iteration_bytes = 1;
    options_.finite = FiniteCheck::kTrust;
    Open();
  }
  void Open() {
    client_.emplace(options_, 1, now_);
    BeginShard(Life(1));
    AckOf(0, 0);
  }
  void BeginShard(Life life) {
    shard_ = life;
    View view;
    view.version = ViewVersion(life.value());
    view.shards = {{shard_, kShard, "there"}};
    view.members = {{kLife, SeatId(0), client_->nonce(), Clock(0)}};
    Tell(kSchedulerNonce, view);
  }
  void Tell(Nonce from, const Message& message) { client_->Receive(now_, from, message, &out_); }
  void AckOf(int64_t received, int64_t applied) {
    Tell(kShard, Ack{shard_, kLife, Clock(received), Clock(applied), Clock(0), Clock(0), {}});
  }
  void PushOne(uint64_t rows) {
    const Clock clock = client_->clock();
    Parameters keys(1);
    for (uint64_t key = 0; key < rows; ++key) keys[0].keys.emplace_back(key);
    client_->Prefetch(now_, clock, keys, PsClient::Freshness::kBounded, &out_);
    client_->Start(now_, clock, &out_);
    // Its answers are not what this is about.
    Parameters gradients = keys;
    gradients[0].values.resize(rows * kMaxDim);
    AnswerPulls();
    client_->Push(now_, clock, gradients, &out_);
  }
  void AnswerPulls(Clock min_clock = Clock(0)) {
    for (bool any = true; any;) {
      any = false;
      ClientOutput asked = std::exchange(out_, {});
      for (const Envelope& envelope : asked.messages) {
        if (const auto* pull = std::get_if<Pull>(&envelope.message)) {
          any = true;
          Answer(*pull, min_clock);
        } else {
          kept_.push_back(envelope.message);
        }
      }
      for (ClientEvent& event : asked.events) events_.push_back(std::move(event));
    }
  }
  void Answer(const Pull& pull, Clock min_clock) {
    PullReply reply{shard_, kLife, pull.id, ViewVersion(1), min_clock, pull.rows};
    for (TableRows& rows : reply.rows) {
      rows.keys = {};
      rows.values = Buffer::Own(std::vector<float>(size_t{rows.rows} * kMaxDim));
    }
    Tell(kShard, reply);
  }
  // Messages since the last call.
  std::vector<Message> TakeMessages() {
    std::vector<Message> messages = std::exchange(kept_, {});
    for (const Envelope& envelope : out_.messages) messages.push_back(envelope.message);
    for (ClientEvent& event : out_.events) events_.push_back(std::move(event));
    out_ = {};
    return messages;
  }
  // Which pushes were sent since then.
  Clocks TakePushes() {
    Clocks clocks;
    for (const Message& message : TakeMessages()) {
      const auto* push = std::get_if<Push>(&message);
      if (push != nullptr && push->part + 1 == push->parts) clocks.push_back(push->clock);
    }
    return clocks;
  }
  std::vector<Message> TickAfterSilence() {
    now_ = now_ + options_.resend_after;
    client_->Tick(now_, &out_);
    return TakeMessages();
  }

  Instant now_;
  PsClientOptions options_;
  std::optional<PsClient> client_;
  Life shard_;
  ClientOutput out_;
  std::vector<Message> kept_;
  std::vector<ClientEvent> events_;
};

TEST_F(PsClientCreditTest, APushBeyondItWaitsUntilOneBeforeItIsApplied) {
  for (int i = 0; i < 4; ++i) PushOne(kRows);
  EXPECT_EQ(TakePushes(), (Clocks{Clock(0), Clock(1)}));
  AckOf(1, 0);
  AckOf(2, 0);
  EXPECT_EQ(TakePushes(), Clocks{}) << "received is not applied";
  AckOf(2, 1);
  EXPECT_EQ(TakePushes(), Clocks{Clock(2)});
  AckOf(3, 3);
  EXPECT_EQ(TakePushes(), Clocks{Clock(3)});
}

TEST_F(PsClientCreditTest, WhatMinClockHasPassedIsApplied) {
  for (int i = 0; i < 3; ++i) PushOne(kRows);
  EXPECT_EQ(TakePushes().size(), 2U);
  Tell(kShard, PullReply{shard_, kLife, RequestId(999), ViewVersion(1), Clock(1), {}});
  EXPECT_EQ(TakePushes(), Clocks{Clock(2)});
}

TEST_F(PsClientCreditTest, AnAckThatWasLostIsAskedFor) {
  for (int i = 0; i < 3; ++i) PushOne(kRows);
  AckOf(2, 0);
  TakeMessages();
  bool asks = false;
  for (const Message& message : TickAfterSilence()) {
    EXPECT_FALSE(std::holds_alternative<Push>(message)) << "it was received";
    asks |= std::holds_alternative<Sync>(message);
  }
  EXPECT_TRUE(asks);
  AckOf(2, 2);
  EXPECT_EQ(TakePushes(), Clocks{Clock(2)});
}

TEST_F(PsClientCreditTest, WhatIsSentAgainIsWithinIt) {
  for (int i = 0; i < 3; ++i) PushOne(kRows);
  TakeMessages();
  now_ = now_ + options_.resend_after;
  client_->Tick(now_, &out_);
  EXPECT_EQ(TakePushes(), (Clocks{Clock(0), Clock(1)}));
}

TEST_F(PsClientCreditTest, ANewLifeOfTheShardIsSentNoMoreAtATime) {
  for (int i = 0; i < 3; ++i) PushOne(kRows);
  AckOf(2, 2);
  EXPECT_EQ(TakePushes(), (Clocks{Clock(0), Clock(1), Clock(2)}));
  BeginShard(Life(5));
  EXPECT_EQ(TakePushes(), Clocks{}) << "where it stands is not known";
  AckOf(0, 0);
  EXPECT_EQ(TakePushes(), (Clocks{Clock(0), Clock(1)}));
  AckOf(1, 1);
  EXPECT_EQ(TakePushes(), Clocks{Clock(2)});
}

// With all that holds its rows: 40 MiB of them in 41 parts.
TEST_F(PsClientCreditTest, TheLargestIterationIsOnItsWayWhileTheOneBeforeItIs) {
  const uint64_t rows = 160;
  options_.job.iteration_bytes = rows * kRowBytes;
  Open();
  for (int i = 0; i < 3; ++i) PushOne(rows);
  EXPECT_EQ(TakePushes(), (Clocks{Clock(0), Clock(1)}));
}

TEST_F(PsClientCreditTest, WhatNoShardWouldEverTakeIsRefusedWithASentence) {
  PushOne(256);
  EXPECT_EQ(TakePushes(), Clocks{});
  ASSERT_FALSE(events_.empty());
  const auto* refused = std::get_if<Refused>(&events_.back());
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(refused->sentence,
            "the gradients of one iteration take 64 MiB at shard 0, which holds 64 MiB of a "
            "worker; make train.batch smaller, or use more servers");
}

}  // namespace
}  // namespace rubato
