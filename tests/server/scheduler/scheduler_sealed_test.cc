// When a life that has ended leaves the view, and what is remembered of it after that.
#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/limits.h"
#include "gtest/gtest.h"
#include "server/scheduler/scheduler.h"

namespace rubato {
namespace {

// Two shards and two seats at s = 1 that do as they are told; the scheduler only reports losses.
class SchedulerSealedTest : public ::testing::Test {
 protected:
  SchedulerSealedTest() {
    options_.job.tables.resize(1);
    options_.job.tables[0].staleness = Staleness(1);
    options_.job.places = options_.job.seats = 2;
    options_.job.last_clock = Clock(1000);
    options_.on_loss = OnLoss::kReport;
    options_.snapshot_pause = Duration();
    scheduler_.emplace(options_, Scheduler::FirstState(options_.job), now_);
    for (uint32_t i : {0u, 1u}) SayHello(Role::kShard, i);
    for (uint32_t i : {0u, 1u}) SayHello(Role::kWorker, i);
    Report(0);
    Report(0);
    Report(10);
  }
  // With a new nonce each time: a new process.
  void SayHello(Role role, uint32_t index) {
    Hello hello;
    hello.role = role;
    hello.index = index;
    hello.job_fingerprint = options_.job.Fingerprint();
    Tell(Nonce(++nonces_), hello);
  }
  void Tell(Nonce from, const Message& message) {
    scheduler_->Receive(now_, from, message, &out_);
    scheduler_->Tick(now_, &out_);
  }
  // Shard 1 has applied `less` fewer iterations of sealed lives than shard 0, which is at `clock`.
  void Report(int64_t clock, int64_t less = 0, std::optional<SnapshotNumber> durable = {}) {
    for (uint32_t place = 0; place < 2; ++place) {
      ShardReport report;
      report.life = view().shards[place].life;
      report.place = PlaceId(place);
      report.seen = view().version;
      report.min_clock = report.end = Clock(clock);
      report.durable = durable;
      for (const MemberEntry& member : view().members) {
        auto& list = member.start ? report.positions : report.pending;
        list.push_back({member.life, Clock(clock)});
      }
      for (const SealedEntry& sealed : view().sealed) {
        report.positions.push_back({sealed.life, Clock(clock - less * place)});
      }
      Tell(view().shards[place].nonce, report);
    }
  }
  void OpenCut() {
    scheduler_->RequestSnapshot(now_, &out_);
    ASSERT_TRUE(view().cut);
  }
  void Commit(int64_t clock, int64_t less = 0) {
    const SnapshotNumber snapshot = view().cut->snapshot;
    Report(clock, less, snapshot);
    ASSERT_EQ(view().committed.number, snapshot);
  }
  void Restart() { scheduler_.emplace(options_, SchedulerState(scheduler_->state()), now_); }
  size_t Told(SchedulerEventKind kind) const {
    return static_cast<size_t>(
        std::ranges::count(out_.events, kind, [](const SchedulerEvent& e) { return e.kind; }));
  }
  const View& view() const { return scheduler_->view(); }

  Instant now_;
  SchedulerOptions options_;
  std::optional<Scheduler> scheduler_;
  SchedulerOutput out_;
  uint64_t nonces_ = 10;
};

TEST_F(SchedulerSealedTest, ASealedLifeLeavesWithTheFirstCommitWhoseCutWasOpenedAfterIt) {
  OpenCut();
  SayHello(Role::kWorker, 1);  // images of this cut may lack its last pushes
  const Life sealed = view().sealed.at(0).life;
  Report(11);
  Commit(20);
  ASSERT_EQ(view().sealed.size(), 1U);
  EXPECT_EQ(view().sealed[0].life, sealed);
  Report(20);
  OpenCut();
  Commit(30);
  EXPECT_TRUE(view().sealed.empty());
  EXPECT_TRUE(std::ranges::none_of(scheduler_->state().high_water,
                                   [&](const Position& p) { return p.life == sealed; }));
}

TEST_F(SchedulerSealedTest, ARestartKnowsWhichViewOpenedTheCut) {
  SayHello(Role::kWorker, 1);
  Report(10);
  OpenCut();
  SayHello(Role::kWorker, 0);
  ASSERT_EQ(view().sealed.size(), 2U);
  const Life late = view().sealed[1].life;
  Restart();
  Report(11);
  Commit(20);
  ASSERT_EQ(view().sealed.size(), 1U);
  EXPECT_EQ(view().sealed[0].life, late);
}

// The report that completes the commit is the first that shows the loss.
TEST_F(SchedulerSealedTest, WhatIsLostIsToldBeforeTheLifeLeaves) {
  SayHello(Role::kWorker, 1);
  OpenCut();
  out_.events.clear();
  Commit(20, 7);
  EXPECT_TRUE(view().sealed.empty());
  EXPECT_EQ(Told(SchedulerEventKind::kLoss), 1U);
  EXPECT_EQ(Told(SchedulerEventKind::kCommitted), 1U);
  EXPECT_EQ(scheduler_->state().pushes_lost, 7U);
}

TEST_F(SchedulerSealedTest, PushesLostAreCountedOnceOverRestartsAndCommits) {
  SayHello(Role::kWorker, 1);
  Report(10, 2);
  EXPECT_EQ(scheduler_->state().pushes_lost, 2U);
  Restart();
  Report(10, 2);
  Report(10, 3);  // a shard came back with less
  EXPECT_EQ(scheduler_->state().pushes_lost, 3U);
  OpenCut();
  Commit(20, 10 + 3);  // nothing more of it: at 7 on shard 1
  const uint64_t first = scheduler_->state().pushes_lost;
  SayHello(Role::kWorker, 0);
  Report(20, 1);
  EXPECT_EQ(scheduler_->state().pushes_lost, first + 1);
  EXPECT_EQ(Scheduler::ResumedState(scheduler_->state(), 2).pushes_lost, 0U);
}

// Else a lone worker that missed the end would wait for all seats, as at the start of a run.
TEST_F(SchedulerSealedTest, ARunWhoseWorkersAreAllForgottenHasBegunAllTheSame) {
  const std::vector<MemberEntry> members = view().members;
  for (const MemberEntry& member : members) {
    Heartbeat goodbye;
    goodbye.life = member.life;
    goodbye.leaving = true;
    Tell(member.nonce, goodbye);
  }
  SchedulerState state = scheduler_->state();
  state.view.cut.reset();  // withdrawn, for some reason
  scheduler_.emplace(options_, state, now_);
  Report(1000);
  OpenCut();
  Commit(1000);
  ASSERT_TRUE(view().sealed.empty());
  SayHello(Role::kWorker, 0);
  Report(1000);
  Report(1000);
  EXPECT_EQ(view().members.at(0).start, Clock(1000));
}

TEST_F(SchedulerSealedTest, WhoeverWouldMakeTheViewTooLargeIsRefused) {
  SchedulerState state = scheduler_->state();
  for (uint64_t life = 1000; state.view.sealed.size() + 2 < kMaxLives; ++life) {
    state.view.sealed.push_back({Life(life), SeatId(0), Clock(0), ViewVersion(1)});
  }
  scheduler_.emplace(options_, state, now_);
  out_ = {};
  SayHello(Role::kWorker, 1);
  EXPECT_EQ(view().sealed.size(), kMaxLives - 2);
  ASSERT_FALSE(out_.messages.empty());
  ASSERT_TRUE(std::holds_alternative<ErrorReply>(out_.messages[0].message));
  Report(10);
  EXPECT_TRUE(view().cut);  // which lets them leave
}

TEST_F(SchedulerSealedTest, ItRemembersTheNewestUsedUpNonces) {
  options_.retired_kept = 3;
  Restart();
  Report(10);
  for (int i = 0; i < 5; ++i) SayHello(Role::kWorker, 1);
  const std::vector<Nonce> newest = {Nonce(nonces_ - 3), Nonce(nonces_ - 2), Nonce(nonces_ - 1)};
  EXPECT_EQ(scheduler_->state().retired, newest);
}

// What was saved of its clock may be as old as the last view.
TEST_F(SchedulerSealedTest, ASeatIsTakenOverOnceItIsKnownHowFarItsLastLifeCame) {
  Report(50);
  Restart();
  out_.events.clear();
  SayHello(Role::kWorker, 1);
  EXPECT_EQ(Told(SchedulerEventKind::kReplaced), 0U);
  Report(50);
  SayHello(Role::kWorker, 1);
  const auto replaced = std::ranges::find(out_.events, SchedulerEventKind::kReplaced,
                                          [](const SchedulerEvent& e) { return e.kind; });
  ASSERT_NE(replaced, out_.events.end());
  EXPECT_EQ(replaced->clock, Clock(50));
}

// It may have died between what it saved and what it told.
TEST_F(SchedulerSealedTest, PossibleLossesAreToldAgainByAProcessThatStarts) {
  SayHello(Role::kWorker, 1);
  SayHello(Role::kShard, 0);
  Restart();
  out_.events.clear();
  scheduler_->Tick(now_, &out_);
  scheduler_->Tick(now_, &out_);
  EXPECT_EQ(Told(SchedulerEventKind::kPossibleLoss), 1U);
}

}  // namespace
}  // namespace rubato
