// Pulls that a shard refuses with a sentence.
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
constexpr Nonce kWorker(12);
constexpr uint32_t kDim = 1024;

// A shard of one sparse table that serves one worker, life 2.
class ShardPullTest : public ::testing::Test {
 protected:
  ShardPullTest() {
    job_.tables.resize(1);
    job_.tables[0].name = "embedding";
    job_.tables[0].dim = kDim;
    shard_.emplace(ShardOptions{PlaceId(0), kShard, "here", job_}, Instant());
    View view;
    view.version = ViewVersion(1);
    view.shards = {{Life(1), kShard, "here"}};
    view.members = {{Life(2), SeatId(0), kWorker, Clock(0)}};
    ShardOutput out;
    shard_->Receive(Instant(), kSchedulerNonce, view, &out);
  }
  // The answer to a pull of one and the same row, `count` times.
  Message Answer(size_t count) {
    TableRows rows;
    rows.rows = static_cast<uint32_t>(count);
    rows.keys = EncodeKeys(std::vector<RowKey>(count, RowKey(7)));
    ShardOutput out;
    shard_->Receive(Instant(), kWorker, Pull{Life(2), Life(1), RequestId(1), Clock(0), {}, {rows}},
                    &out);
    EXPECT_EQ(out.messages.size(), 1U);
    return out.messages.at(0).message;
  }

  Job job_;
  std::optional<Shard> shard_;
};

TEST_F(ShardPullTest, RefusesAReplyBeyondTheCredit) {
  constexpr size_t kFits =
      (CreditRule::kPulls - CreditRule::kTableBytes) / (sizeof(RowKey) + kDim * sizeof(float));
  const Message fits = Answer(kFits);
  ASSERT_TRUE(std::holds_alternative<PullReply>(fits));
  EXPECT_EQ(std::get<PullReply>(fits).rows[0].values.size(), kFits * kDim * sizeof(float));
  const Message refused = Answer(kFits + 1);
  ASSERT_TRUE(std::holds_alternative<ErrorReply>(refused));
  EXPECT_EQ(std::get<ErrorReply>(refused).sentence,
            "pull of rows that take more than 33554432 bytes: ask in parts");
}

}  // namespace
}  // namespace rubato
