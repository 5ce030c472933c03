// Iterations that touch more tables than one message may hold: they travel in parts, both ways.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/wire/wire.h"
#include "server/shard/shard.h"
#include "worker/client/ps_client.h"

namespace rubato {
namespace {

constexpr Nonce kShard(11);
constexpr size_t kTables = 2 * kMaxTablesPerMessage + 3;

// One client and one shard of a job of kTables tables, each of one block of two floats. What they
// say to each other goes over the wire.
class PsClientPartsTest : public ::testing::Test {
 protected:
  void Begin(Staleness staleness, Role role) {
    Job job;
    for (size_t t = 0; t < kTables; ++t) {
      TableSpec table;
      table.id = TableId(static_cast<uint32_t>(t));
      table.name = "t" + std::to_string(t);
      table.kind = TableKind::kDense;
      table.dim = 2;
      table.size = 2;
      table.optimizer.learning_rate = 1.0F;
      table.staleness = staleness;
      job.tables.push_back(table);
    }
    job.last_clock = Clock(100);
    PsClientOptions options;
    options.job = job;
    options.role = role;
    client_.emplace(options, 1, Instant());
    shard_.emplace(ShardOptions{PlaceId(0), kShard, "here", job}, Instant());
    View view;
    view.version = ViewVersion(1);
    view.shards = {{Life(1), kShard, "here"}};
    if (role == Role::kWorker) {
      view.members = {{Life(2), SeatId(0), client_->nonce(), Clock(0)}};
    } else {
      view.readers = {{Life(2), client_->nonce()}};
    }
    ShardOutput out;
    shard_->Receive(Instant(), kSchedulerNonce, view, &out);
    client_->Receive(Instant(), kSchedulerNonce, view, &out_);
    Exchange();
  }
  // Until nobody has anything more to say.
  void Exchange() {
    while (!out_.messages.empty()) {
      ShardOutput answers;
      for (const Envelope& envelope : std::exchange(out_.messages, {})) {
        if (envelope.to == kShard) {
          shard_->Receive(Instant(), client_->nonce(), OverTheWire(envelope.message), &answers);
        }
      }
      for (const Envelope& envelope : answers.messages) {
        if (envelope.to == kSchedulerNonce) continue;
        client_->Receive(Instant(), kShard, OverTheWire(envelope.message), &out_);
      }
    }
  }
  Message OverTheWire(const Message& message) {
    const auto decoded = Decode(Encode(Nonce(1), message));
    EXPECT_TRUE(decoded.ok()) << decoded.status();
    messages_ += std::holds_alternative<PullReply>(message) ? 1 : 0;
    return decoded.ok() ? decoded->message : message;
  }
  static Parameters Keys() {
    Parameters keys(kTables);
    for (size_t t = 0; t < kTables; ++t) {
      keys[t].table = TableId(static_cast<uint32_t>(t));
      keys[t].keys = {RowKey(0)};
    }
    return keys;
  }
  // The rows of the one event Ready.
  Parameters TakeRows() {
    Exchange();
    for (ClientEvent& event : std::exchange(out_.events, {})) {
      if (auto* ready = std::get_if<Ready>(&event)) return std::move(ready->rows);
    }
    ADD_FAILURE() << "the rows did not come";
    return {};
  }
  Parameters Fetch(Clock clock) {
    client_->Prefetch(Instant(), clock, Keys(), PsClient::Freshness::kBounded, &out_);
    client_->Start(Instant(), clock, &out_);
    return TakeRows();
  }
  static float Value(size_t table) { return static_cast<float>(table + 1); }
  static void ExpectWeights(const Parameters& rows, float times) {
    ASSERT_EQ(rows.size(), kTables);
    for (size_t t = 0; t < kTables; ++t) {
      EXPECT_EQ(rows[t].values, (Floats{times * Value(t), times * Value(t)})) << t;
    }
  }

  std::optional<PsClient> client_;
  std::optional<Shard> shard_;
  ClientOutput out_;
  int messages_ = 0;  // answers to pulls
};

TEST_F(PsClientPartsTest, AnIterationOfManyTablesIsPulledAndPushedWhole) {
  for (const Staleness staleness : {Staleness(0), Staleness(2), Staleness::Infinite()}) {
    Begin(staleness, Role::kWorker);
    for (int64_t c = 0; c < 3; ++c) {
      messages_ = 0;
      Parameters rows = Fetch(Clock(c));
      EXPECT_EQ(messages_, 3);  // two full ones, and the rest
      ExpectWeights(rows, static_cast<float>(-c));
      for (size_t t = 0; t < kTables; ++t) rows[t].values.assign(2, Value(t));
      client_->Push(Instant(), Clock(c), rows, &out_);
      Exchange();
      EXPECT_EQ(shard_->applied(Life(2)), Clock(c + 1));
    }
  }
}

// Each part of each iteration ahead waits, and the shard tells of each.
TEST_F(PsClientPartsTest, PullsThatWaitTogetherAreToldOfOnce) {
  Begin(Staleness(0), Role::kWorker);
  const auto told = [this](Instant now) {
    client_->Receive(now, kShard, Parked{Life(1), Life(2), RequestId(1), Clock(3), Life(4)}, &out_);
    return std::exchange(out_.events, {}).size();
  };
  told(Instant());  // and what else there is to tell
  EXPECT_EQ(told(Instant()), 0u);
  EXPECT_EQ(told(Instant() + Duration::Seconds(5)), 1u);
  EXPECT_EQ(told(Instant() + Duration::Millis(5010)), 0u);
}

TEST_F(PsClientPartsTest, AReaderHasAllTables) {
  Begin(Staleness(0), Role::kReader);
  client_->Read(Instant(), Clock(0), Keys(), &out_);
  ExpectWeights(TakeRows(), 0.0F);
}

}  // namespace
}  // namespace rubato
