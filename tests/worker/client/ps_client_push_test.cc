// Whose memory a push is in: that of the gradients themselves where one shard has all rows of a
// table, a copy otherwise.
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "common/wire/codec.h"
#include "worker/client/ps_client.h"

namespace rubato {
namespace {

constexpr uint32_t kDim = 4;
constexpr uint64_t kBlocks = 6;
constexpr Life kLife(9);

// Stands for memory that a device can reach.
class OtherMemory : public FloatMemory {
 public:
  void* Allocate(size_t bytes) override { return std::malloc(bytes); }
  void Free(void* memory, size_t) override { std::free(memory); }
};

// A worker of one dense table, which pushes one iteration.
class PsClientPushTest : public ::testing::Test {
 protected:
  void Join(uint32_t shards) {
    TableSpec table;
    table.kind = TableKind::kDense;
    table.dim = kDim;
    table.size = kBlocks * kDim;
    table.staleness = Staleness::Infinite();
    PsClientOptions options;
    options.job.tables = {table};
    options.job.places = shards;
    options.job.last_clock = Clock(10);
    options.push_codec = codec_;
    options.max_part_bytes = 2 * kDim * sizeof(float);
    client_.emplace(options, 1, Instant());
    View view;
    view.version = ViewVersion(1);
    for (uint32_t i = 1; i <= shards; ++i) view.shards.push_back({Life(i), Nonce(10 + i), "there"});
    view.members = {{kLife, SeatId(0), client_->nonce(), Clock(0)}};
    client_->Receive(Instant(), kSchedulerNonce, view, &out_);
  }
  // Of all blocks: value i is i + 1.
  static Parameters Gradients(FloatMemory* memory = nullptr) {
    Parameters gradients(1);
    for (uint64_t i = 0; i < kBlocks; ++i) gradients[0].keys.push_back(RowKey(i));
    gradients[0].values = Floats(UninitializedAllocator<float>(memory));
    for (size_t i = 0; i < kBlocks * kDim; ++i) {
      gradients[0].values.push_back(static_cast<float>(i + 1));
    }
    return gradients;
  }
  void Push(Parameters gradients) {
    Parameters keys(1);
    keys[0].keys = gradients[0].keys;
    client_->Prefetch(Instant(), Clock(0), keys, PsClient::Freshness::kBounded, &out_);
    client_->Start(Instant(), Clock(0), &out_);
    for (const Envelope& envelope : std::exchange(out_.messages, {})) Answer(envelope);
    client_->Push(Instant(), Clock(0), std::move(gradients), &out_);
  }
  void Answer(const Envelope& envelope) {
    const auto* pull = std::get_if<rubato::Pull>(&envelope.message);
    if (pull == nullptr) return;
    PullReply reply{pull->to, kLife, pull->id, ViewVersion(1), Clock(0), pull->rows};
    for (TableRows& rows : reply.rows) {
      rows.keys = {};
      rows.values = Buffer::Own(std::vector<float>(rows.rows * kDim));
    }
    client_->Receive(Instant(), envelope.to, reply, &out_);
  }
  // The pushed rows of a shard. Checks that each holds what was computed for its key.
  std::vector<TableRows> Rows(uint32_t shard) {
    std::vector<TableRows> all;
    const LoggedPush* push = client_->log(PlaceId(shard)).Find(Clock(0));
    if (push == nullptr) return all;
    for (const auto& part : push->parts) {
      for (const TableRows& rows : part) {
        ExpectComputed(rows);
        all.push_back(rows);
      }
    }
    return all;
  }
  static void ExpectComputed(const TableRows& rows) {
    const auto keys = TakeKeys(rows.keys);
    const auto values = TakeValues(rows.codec, rows.values);
    ASSERT_TRUE(keys.ok() && values.ok());
    ASSERT_EQ(values->size(), rows.rows * kDim);
    for (size_t i = 0; i < values->size(); ++i) {
      const uint64_t at = keys->span()[i / kDim].value() * kDim + i % kDim;
      EXPECT_EQ(values->span()[i], static_cast<float>(at + 1));
    }
  }

  ValueCodec codec_ = ValueCodec::kF32;
  std::optional<PsClient> client_;
  ClientOutput out_;
};

TEST_F(PsClientPushTest, OneShardIsSentTheGradientsThemselves) {
  Join(1);
  Parameters gradients = Gradients();
  const float* values = gradients[0].values.data();
  Push(std::move(gradients));
  const std::vector<TableRows> rows = Rows(0);
  ASSERT_EQ(rows.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(static_cast<const void*>(rows[i].values.data()), values + 2 * i * kDim) << i;
  }
}

// What one shard's log forgets must not wait for another's.
TEST_F(PsClientPushTest, SeveralShardsAreSentCopies) {
  Join(2);
  Push(Gradients());
  size_t count = 0;
  for (const uint32_t shard : {0u, 1u}) {
    for (const TableRows& rows : Rows(shard)) {
      EXPECT_EQ(rows.values.owner().use_count(), 2) << "not the log and `rows` alone";
      count += rows.rows;
    }
  }
  EXPECT_EQ(count, kBlocks);
}

TEST_F(PsClientPushTest, WhatADeviceCanReachIsNotKept) {
  Join(1);
  OtherMemory memory;
  Parameters gradients = Gradients(&memory);
  const auto* begin = reinterpret_cast<const std::byte*>(gradients[0].values.data());
  const std::byte* end = begin + kBlocks * kDim * sizeof(float);
  Push(std::move(gradients));
  const std::vector<TableRows> rows = Rows(0);
  ASSERT_EQ(rows.size(), 3u);
  for (const TableRows& of : rows) {
    EXPECT_TRUE(of.values.data() < begin || of.values.data() >= end);
  }
}

TEST_F(PsClientPushTest, ValuesBeyondBf16ArePushedAsNothing) {
  codec_ = ValueCodec::kBf16;
  Join(1);
  Push(Gradients());
  EXPECT_EQ(Rows(0).size(), 2u);  // twice as many rows a part: 4 and 2
  EXPECT_EQ(client_->counters().nonfinite, 0u);
  Join(1);
  Parameters gradients = Gradients();
  gradients[0].values[7] = 3.4e38F;  // finite, and nearer to infinity than to any bf16
  Push(std::move(gradients));
  EXPECT_TRUE(Rows(0).empty());
  EXPECT_EQ(client_->counters().nonfinite, 1u);
}

}  // namespace
}  // namespace rubato
