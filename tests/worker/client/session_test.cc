#include "worker/client/session.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/base/env.h"
#include "gtest/gtest.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

constexpr Nonce kShard{5};

// A scheduler and a shard, played by hand: what they say and when is what is tested.
class SessionTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string mine = absl::StrCat("ipc://", folder_.path());
    scheduler_ =
        *Endpoint::Open({.self = kSchedulerNonce, .listen = absl::StrCat(mine, "/scheduler")});
    shard_ = *Endpoint::Open({.self = kShard, .listen = absl::StrCat(mine, "/shard")});
    PsClientOptions options;
    options.job.tables.resize(1);
    options.job.tables[0].name = "weights";
    options.job.tables[0].dim = 1;
    options.job.tables[0].staleness = Staleness::Infinite();
    options.job.last_clock = Clock(10);
    options.resend_after = Duration::Seconds(3600);  // nothing is lost here
    session_ = *Session::Open(options, scheduler_->address());
  }

  // Waits for a message of this kind to the scheduler; returns who sent it.
  template <class Wanted>
  Nonce Await() {
    for (int i = 0; i < 1000; ++i) {
      for (const Decoded& decoded : scheduler_->Receive(Duration::Millis(20))) {
        if (std::holds_alternative<Wanted>(decoded.message)) return decoded.from;
      }
    }
    ADD_FAILURE() << "the client is silent";
    return Nonce(0);
  }

  void SendView(Nonce to, std::vector<MemberEntry> members) {
    View view;
    view.version = ViewVersion(++version_);
    view.shards = {{Life(1), kShard, shard_->address()}};
    view.members = std::move(members);
    scheduler_->Send(to, view);
  }

  template <class Wanted>
  Wanted Next() {
    for (int i = 0; i < 1000; ++i) {
      std::optional<ClientEvent> event = session_->Next(Duration::Millis(20));
      if (!event) continue;
      EXPECT_TRUE(std::holds_alternative<Wanted>(*event)) << event->index();
      if (auto* wanted = std::get_if<Wanted>(&*event)) return std::move(*wanted);
      break;
    }
    ADD_FAILURE() << "no such event";
    return {};
  }

  void BeginIteration(Clock clock) {
    session_->Prefetch(clock, {{TableId(0), {}, {}}}, PsClient::Freshness::kBounded);
    session_->Start(clock);
  }

  ScratchFolder folder_;
  std::unique_ptr<Endpoint> scheduler_;
  std::unique_ptr<Endpoint> shard_;
  std::unique_ptr<Session> session_;
  uint64_t version_ = 0;
};

// The network thread may have begun a new life while the trainer still computes for the old one.
TEST_F(SessionTest, APushOfAnOldLifeIsDropped) {
  const Nonce first = Await<Hello>();
  SendView(first, {{Life(2), SeatId(0), first, Clock(0)}});
  EXPECT_EQ(Next<Started>().life, Life(2));
  BeginIteration(Clock(0));
  const Ready ready = Next<Ready>();

  SendView(first, {});  // evicted
  Nonce second = Await<Hello>();
  while (second == first) second = Await<Hello>();
  SendView(second, {{Life(3), SeatId(0), second, Clock(0)}});
  while (Await<Heartbeat>() != second) {
  }
  session_->Push(Clock(0), ready.rows);

  Next<Reset>();
  EXPECT_EQ(Next<Started>().life, Life(3));
  BeginIteration(Clock(0));
  EXPECT_EQ(Next<Ready>().clock, Clock(0));
  session_->Push(Clock(0), {});
  BeginIteration(Clock(1));
  EXPECT_EQ(Next<Ready>().clock, Clock(1));
}

// A new life of a shard may listen where the last one did: what a worker had queued for that must
// not speak for it there, nor may its connection hold its name.
TEST_F(SessionTest, FollowsAShardThatComesBackAtTheSameAddress) {
  const Nonce nonce = Await<Hello>();
  const std::vector<MemberEntry> me = {{Life(2), SeatId(0), nonce, Clock(0)}};
  SendView(nonce, me);
  Next<Started>();
  BeginIteration(Clock(0));
  Next<Ready>();
  const std::string address = shard_->address();
  shard_.reset();
  session_->Push(Clock(0), {});
  constexpr Nonce kNext{6};
  shard_ = *Endpoint::Open({.self = kNext, .listen = address});
  View view;
  view.version = ViewVersion(++version_);
  view.shards = {{Life(3), kNext, address}};
  view.members = me;
  scheduler_->Send(nonce, view);
  bool synced = false;
  for (int i = 0; i < 500 && !synced; ++i) {
    for (const Decoded& decoded : shard_->Receive(Duration::Millis(20))) {
      const auto* sync = std::get_if<Sync>(&decoded.message);
      synced |= sync != nullptr && sync->to == Life(3);
    }
  }
  EXPECT_TRUE(synced);
}

// Its first messages to a shard that does not listen yet cannot be queued. They once waited for the
// time after which a lost message is sent again.
TEST_F(SessionTest, WhatCouldNotBeQueuedIsSentAgainSoon) {
  const std::string address = shard_->address();
  shard_.reset();
  const Nonce nonce = Await<Hello>();
  View view;
  view.version = ViewVersion(1);
  view.shards = {{Life(1), kShard, address}};
  view.members = {{Life(2), SeatId(0), nonce, Clock(0)}};
  scheduler_->Send(nonce, view);
  Next<Started>();
  session_->Prefetch(Clock(0), {{TableId(0), {RowKey(3)}, {}}}, PsClient::Freshness::kBounded);
  while (Await<Heartbeat>() != nonce) {
  }
  shard_ = *Endpoint::Open({.self = kShard, .listen = address});
  bool pulled = false;
  for (int i = 0; i < 1000 && !pulled; ++i) {
    for (const Decoded& decoded : shard_->Receive(Duration::Millis(20))) {
      pulled |= std::holds_alternative<Pull>(decoded.message);
    }
  }
  EXPECT_TRUE(pulled);
}

}  // namespace
}  // namespace rubato
