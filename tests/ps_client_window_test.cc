// A large read travels in many answers; a shard queues only so many for one peer.
#include <deque>
#include <variant>
#include <vector>

#include "gtest/gtest.h"
#include "worker/ps_client.h"

namespace rubato {
namespace {

constexpr Nonce kShard(11);
constexpr Life kShardLife(1);
constexpr uint32_t kDim = 256;

// Beyond the queue of a shard's endpoint answers are dropped, and were asked for again after two
// seconds.
TEST(PsClientWindow, ALargeReadAsksOnAsItIsAnswered) {
  PsClientOptions options;
  options.role = Role::kReader;
  options.job.tables.resize(1);
  options.job.tables[0].dim = kDim;
  options.max_part_bytes = kDim * sizeof(float);  // a row each
  PsClient client(options, 7, Instant());
  ClientOutput out;
  View view;
  view.version = ViewVersion(1);
  view.shards = {{kShardLife, kShard, "here"}};
  view.readers = {{Life(2), client.nonce()}};
  client.Receive(Instant(), kSchedulerNonce, view, &out);
  constexpr uint64_t kRows = 1000;
  std::vector<RowKey> keys;
  for (uint64_t key = 0; key < kRows; ++key) keys.emplace_back(key);
  out = {};
  client.Read(Instant(), Clock(0), {{TableId(0), keys, {}}}, &out);

  std::deque<Pull> asked;
  const auto take = [&] {
    for (const Envelope& envelope : out.messages) {
      if (const auto* pull = std::get_if<Pull>(&envelope.message)) asked.push_back(*pull);
    }
    out.messages.clear();
  };
  take();
  uint64_t answered = 0;
  for (; !asked.empty(); ++answered) {
    ASSERT_LE(asked.size(), options.max_asked);
    const Pull pull = asked.front();
    asked.pop_front();
    TableRows rows{TableId(0), 1, ValueCodec::kF32, {}, {}};
    rows.values = Buffer::Own(std::vector<float>(kDim, static_cast<float>(answered)));
    client.Receive(Instant(), kShard,
                   PullReply{kShardLife, Life(2), pull.id, view.version, Clock(0), {rows}}, &out);
    take();
  }
  EXPECT_EQ(answered, kRows);
  ASSERT_EQ(out.events.size(), 1U);
  const Parameters& read = std::get<Ready>(out.events[0]).rows;
  for (uint64_t row = 0; row < kRows; ++row) {
    ASSERT_EQ(read[0].values[row * kDim], static_cast<float>(row));
  }
}

}  // namespace
}  // namespace rubato
