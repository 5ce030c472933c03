// What a shard holds of one worker is bounded, and who asks for more, or pushes more, is told so
// and takes nothing from the others.
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/wire/codec.h"
#include "common/wire/protocol.h"
#include "gtest/gtest.h"
#include "server/shard/shard.h"

namespace rubato {
namespace {

constexpr Nonce kShard(11);
constexpr Nonce kGreedy(12);
constexpr Nonce kHonest(13);
constexpr uint32_t kDim = 1024;
constexpr size_t kMibRows = 256;  // of values: 1 MiB

// A shard of one sparse table at s = 1 that serves two workers, lives 2 and 3.
class ShardBoundsTest : public ::testing::Test {
 protected:
  ShardBoundsTest() {
    job_.tables.resize(1);
    job_.tables[0].name = "embedding";
    job_.tables[0].dim = kDim;
    job_.tables[0].staleness = Staleness(1);
    job_.iteration_bytes = 1;  // so the least credit
    shard_.emplace(ShardOptions{PlaceId(0), kShard, "here", job_}, Instant());
    View view;
    view.version = ViewVersion(1);
    view.shards = {{Life(1), kShard, "here"}};
    view.members = {{Life(2), SeatId(0), kGreedy, Clock(0)},
                    {Life(3), SeatId(1), kHonest, Clock(0)}};
    ShardOutput out;
    shard_->Receive(Instant(), kSchedulerNonce, view, &out);
  }
  static TableRows Keys(size_t rows) {
    TableRows keys;
    keys.rows = static_cast<uint32_t>(rows);
    keys.keys = EncodeKeys(std::vector<RowKey>(rows, RowKey(7)));
    return keys;
  }
  // Part `part` of `parts`, with a MiB of gradients.
  static Push PartOf(Life life, Clock clock, uint32_t part, uint32_t parts) {
    TableRows rows = Keys(kMibRows);
    rows.values = EncodeValues(ValueCodec::kF32, std::vector<float>(kMibRows * kDim, 1.0F));
    return {life, Life(1), clock, Clock(0), part, parts, {rows}};
  }
  static Pull PullAhead(Life life, uint64_t id, size_t rows) {
    return {life, Life(1), RequestId(id), Clock(5), {}, {Keys(rows)}};
  }
  std::vector<Message> Say(Nonce from, const Message& message) {
    ShardOutput out;
    shard_->Receive(Instant(), from, message, &out);
    std::vector<Message> to_sender;
    for (const Envelope& envelope : out.messages) {
      if (envelope.to == from) to_sender.push_back(envelope.message);
    }
    return to_sender;
  }
  static bool IsRefusal(const std::vector<Message>& answers) {
    for (const Message& answer : answers) {
      const auto* error = std::get_if<ErrorReply>(&answer);
      if (error == nullptr) continue;
      return error->code == static_cast<uint32_t>(absl::StatusCode::kResourceExhausted);
    }
    return false;
  }

  Job job_;
  std::optional<Shard> shard_;
};

TEST_F(ShardBoundsTest, PartsBeyondTheCreditAreRefused) {
  uint32_t taken = 0;
  while (!IsRefusal(Say(kGreedy, PartOf(Life(2), Clock(0), taken, 1000)))) ++taken;
  EXPECT_EQ(taken, 63u);  // with its keys a part takes a little more than a MiB
  EXPECT_LE(shard_->push_bytes(Life(2)), CreditRule::kLeastPushes);
  EXPECT_EQ(shard_->counters().credit_refused, 1u);
  EXPECT_FALSE(IsRefusal(Say(kHonest, PartOf(Life(3), Clock(0), 0, 1))));
  EXPECT_EQ(shard_->applied(Life(3)), Clock(1));
}

TEST_F(ShardBoundsTest, EmptyPartsCountAsWell) {
  Push push = PartOf(Life(2), Clock(0), 0, 1000);
  push.parts = 1u << 31;
  EXPECT_TRUE(IsRefusal(Say(kGreedy, push)));
  EXPECT_EQ(shard_->push_bytes(Life(2)), 0u);
}

TEST_F(ShardBoundsTest, WhatIsAppliedIsFreeAgain) {
  for (int64_t c = 0; c < 100; ++c) {
    for (uint32_t part = 0; part < 2; ++part) {
      ASSERT_FALSE(IsRefusal(Say(kGreedy, PartOf(Life(2), Clock(c), part, 2))));
      ASSERT_FALSE(IsRefusal(Say(kHonest, PartOf(Life(3), Clock(c), part, 2))));
    }
    ASSERT_EQ(shard_->push_bytes(Life(2)), 0u);
  }
  EXPECT_EQ(shard_->applied(Life(2)), Clock(100));
}

TEST_F(ShardBoundsTest, ManyPullsThatWaitAreRefused) {
  uint64_t waiting = 0;
  while (!IsRefusal(Say(kGreedy, PullAhead(Life(2), waiting, 0)))) ++waiting;
  EXPECT_EQ(waiting, 384u);
  EXPECT_FALSE(IsRefusal(Say(kHonest, PullAhead(Life(3), 0, 0))));
}

TEST_F(ShardBoundsTest, LargePullsThatWaitAreRefused) {
  uint64_t waiting = 0;
  while (!IsRefusal(Say(kGreedy, PullAhead(Life(2), waiting, kMibRows)))) ++waiting;
  EXPECT_EQ(waiting, 31u);
  EXPECT_LE(shard_->parked_bytes(Life(2)), CreditRule::kPulls);
  EXPECT_TRUE(Say(kGreedy, PullAhead(Life(2), 0, kMibRows)).empty());  // it waits already
  EXPECT_FALSE(IsRefusal(Say(kHonest, PullAhead(Life(3), 0, kMibRows))));
  for (int64_t c = 0; c < 4; ++c) {
    Say(kGreedy, PartOf(Life(2), Clock(c), 0, 1));
    Say(kHonest, PartOf(Life(3), Clock(c), 0, 1));
  }
  EXPECT_EQ(shard_->parked_bytes(Life(2)), 0u);  // min_clock is 4: the pulls of 5 are answered
  EXPECT_TRUE(Say(kGreedy, PullAhead(Life(2), 500, kMibRows)).size() == 1);
}

}  // namespace
}  // namespace rubato
