// Joining, eviction and what a death may have cost: stories of two shards and two workers that all
// do as they are told.
#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/scheduler/scheduler.h"

namespace rubato {
namespace {

class SchedulerMembersTest : public ::testing::Test {
 protected:
  SchedulerMembersTest() {
    options_.job.tables.resize(1);
    options_.job.tables[0].staleness = Staleness(1);
    options_.job.last_clock = Clock(100);
    options_.job.places = options_.job.seats = 2;
    scheduler_.emplace(options_, Scheduler::FirstState(options_.job), now_);
  }
  void StartAll() {
    for (uint32_t i : {0u, 1u}) SayHello(Role::kShard, i);
    for (uint32_t i : {0u, 1u}) SayHello(Role::kWorker, i);
    for (uint32_t i : {0u, 1u}) Report(i, 0);
    Tick();
    ASSERT_TRUE(view().members.back().start);
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
    SchedulerOutput out;
    scheduler_->Receive(now_, from, message, &out);
    Keep(out);
  }
  void Tick() {
    SchedulerOutput out;
    scheduler_->Tick(now_, &out);
    Keep(out);
  }
  // As a driver does, for so long.
  void TickFor(Duration duration) {
    for (const Instant end = now_ + duration; now_ < end;) {
      now_ = now_ + Duration::Millis(20);
      Tick();
    }
  }
  void Keep(const SchedulerOutput& out) {
    for (const SchedulerEvent& event : out.events) events_.push_back(event);
  }
  // All members and sealed lives have pushed all that is below min_clock to this shard.
  ShardReport ReportOf(uint32_t place, int64_t min_clock) const {
    ShardReport report;
    report.life = view().shards[place].life;
    report.place = PlaceId(place);
    report.generation = view().generation;
    report.seen = view().version;
    report.min_clock = report.end = Clock(min_clock);
    for (const MemberEntry& member : view().members) {
      auto& list = member.start ? report.positions : report.pending;
      list.push_back({member.life, Clock(min_clock)});
    }
    for (const SealedEntry& sealed : view().sealed) {
      report.positions.push_back({sealed.life, Clock(min_clock)});
    }
    return report;
  }
  // Everybody lives for `seconds`, and the shards stay at these clocks: seat i holds up shard i.
  void StandStill(int64_t seconds, const std::vector<int64_t>& clocks = {0, 0}) {
    for (int64_t second = 0; second < seconds; ++second) {
      const std::vector<MemberEntry> members = view().members;
      ASSERT_FALSE(members.empty());
      for (const MemberEntry& member : members) {
        Heartbeat beat;
        beat.life = member.life;
        beat.seen = view().version;
        beat.clock = Clock(clocks[0]);
        Tell(member.nonce, beat);
      }
      for (uint32_t place = 0; place < clocks.size(); ++place) {
        ShardReport report = ReportOf(place, clocks[place]);
        report.slowest = members[std::min<size_t>(place, members.size() - 1)].life;
        Send(report);
      }
      TickFor(Duration::Seconds(1));
    }
  }
  void Report(uint32_t place, int64_t min_clock) { Send(ReportOf(place, min_clock)); }
  void Send(const ShardReport& report) { Tell(view().shards[report.place.value()].nonce, report); }
  // The last event of this kind.
  std::optional<SchedulerEvent> Told(SchedulerEventKind kind) const {
    for (auto event = events_.rbegin(); event != events_.rend(); ++event) {
      if (event->kind == kind) return *event;
    }
    return std::nullopt;
  }
  const View& view() const { return scheduler_->view(); }

  Instant now_;
  SchedulerOptions options_;
  std::optional<Scheduler> scheduler_;
  std::vector<SchedulerEvent> events_;
  uint64_t nonces_ = 10;
};

// The first of two seats waits for the other longer than a member may stand still.
TEST_F(SchedulerMembersTest, AJoinerThatWaitedLongForItsStartIsNotBlamedForIt) {
  options_.start_timeout = Duration::Seconds(10'000);
  scheduler_.emplace(options_, Scheduler::FirstState(options_.job), now_);
  for (uint32_t i : {0u, 1u}) SayHello(Role::kShard, i);
  SayHello(Role::kWorker, 0);
  StandStill(700);
  SayHello(Role::kWorker, 1);
  StandStill(500);
  EXPECT_EQ(view().members.size(), 2U);
  EXPECT_TRUE(view().members.back().start);
}

// Seat 1 does not get through to shard 1, so seat 0 gets nothing from there and stands still on
// shard 0 as well.
TEST_F(SchedulerMembersTest, OnlyWhoHoldsUpTheShardFarthestBehindIsEvicted) {
  StartAll();
  const Life first = view().members[0].life;
  StandStill(700, {9, 8});
  ASSERT_EQ(view().members.size(), 1U);
  EXPECT_EQ(view().members[0].life, first);
}

// Told once, and that nobody trains only when nobody does.
TEST_F(SchedulerMembersTest, WhoIsInQuarantineIsToldAndThatAllAreEndsTheRun) {
  StartAll();
  const auto beat_from = [this](size_t i, Clock quarantined) {
    const MemberEntry& member = view().members[i];
    Heartbeat beat;
    beat.life = member.life;
    beat.seen = view().version;
    beat.strikes = 3;
    beat.quarantined = quarantined;
    Tell(member.nonce, beat);
    Tick();
  };
  beat_from(1, Clock(5));
  const auto told = Told(SchedulerEventKind::kQuarantined);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->life, view().members[1].life);
  EXPECT_EQ(told->clock, Clock(5));
  EXPECT_EQ(told->index, 1U);
  EXPECT_EQ(scheduler_->quarantined(), std::vector{SeatId(1)});
  events_.clear();
  beat_from(1, Clock(5));
  EXPECT_FALSE(Told(SchedulerEventKind::kQuarantined));
  EXPECT_FALSE(Told(SchedulerEventKind::kNobodyTrains));
  beat_from(0, Clock(9));
  EXPECT_TRUE(Told(SchedulerEventKind::kNobodyTrains));
}

// Rows that the dead shards answered may still be on their way, and say of all members that they
// hold what is below the clock reported.
TEST_F(SchedulerMembersTest, AJoinerStartsNoLowerThanAnyClockThatDeadShardsReported) {
  options_.on_loss = OnLoss::kReport;  // else a fleet resume would hide it
  scheduler_.emplace(options_, Scheduler::FirstState(options_.job), now_);
  StartAll();
  Report(0, 9);
  Report(1, 8);
  SayHello(Role::kShard, 0);  // both come back from the first weights
  SayHello(Role::kShard, 1);
  Report(0, 0);
  Report(1, 0);
  SayHello(Role::kWorker, 1);
  Report(0, 0);
  Report(1, 0);
  ASSERT_FALSE(view().members.empty());
  ASSERT_EQ(view().members.back().seat, SeatId(1));
  EXPECT_EQ(view().members.back().start, Clock(9));
}

// What a shard had reported before it heard of the seal may still grow.
TEST_F(SchedulerMembersTest, PositionsOfASealedLifeAreComparedOnceEveryShardKnowsOfTheSeal) {
  StartAll();
  Report(0, 10);
  Report(1, 7);
  const Life sealed = view().members[1].life;
  const ViewVersion before = view().version;
  SayHello(Role::kWorker, 1);
  ASSERT_EQ(view().sealed.size(), 1U);
  EXPECT_EQ(view().sealed[0].sealed_at, ViewVersion(before.value() + 1));
  ShardReport early = ReportOf(1, 7);
  early.seen = before;
  Send(early);
  Tick();
  EXPECT_FALSE(Told(SchedulerEventKind::kLoss));
  Report(0, 10);
  Report(1, 9);  // two more were on their way
  const auto torn = Told(SchedulerEventKind::kTornIterations);
  ASSERT_TRUE(torn);
  EXPECT_EQ(torn->life, sealed);
  EXPECT_EQ(torn->clock, Clock(9));
  EXPECT_EQ(torn->clock2, Clock(10));
  EXPECT_EQ(view().generation, Generation(0));
}

TEST_F(SchedulerMembersTest, ALossIsSeenByTheHighestPositionEverReported) {
  StartAll();
  Report(0, 8);
  Report(1, 8);
  const Life sealed = view().members[1].life;
  SayHello(Role::kWorker, 1);
  Report(0, 8);
  Report(1, 8);
  EXPECT_FALSE(Told(SchedulerEventKind::kTornIterations));
  SayHello(Role::kShard, 0);  // nothing was committed: now no shard holds anything of it
  SayHello(Role::kShard, 1);
  Report(0, 0);
  Report(1, 0);
  const auto loss = Told(SchedulerEventKind::kLoss);
  ASSERT_TRUE(loss);
  EXPECT_EQ(loss->life, sealed);
  EXPECT_EQ(loss->clock, Clock(0));
  EXPECT_EQ(loss->clock2, Clock(8));
  EXPECT_EQ(view().generation, Generation(1));  // and everybody goes back
}

// Its clock was chosen for members that are gone: a planned one would be skipped.
TEST_F(SchedulerMembersTest, AResumeKeepsNoCut) {
  StartAll();
  ASSERT_TRUE(view().cut);
  EXPECT_FALSE(Scheduler::ResumedState(scheduler_->state(), 2).view.cut);
  SchedulerOutput out;
  scheduler_->FleetResume(now_, 2, "operator", &out);
  EXPECT_FALSE(view().cut);
}

// At a new start no process is left; in a run the shard that keeps its place is.
TEST_F(SchedulerMembersTest, EverybodyGoesBackInARunAsAtANewStart) {
  StartAll();
  SayHello(Role::kReader, 0);
  ASSERT_EQ(view().readers.size(), 1U);
  const SchedulerState started = Scheduler::ResumedState(scheduler_->state(), 1);
  SchedulerOutput out;
  scheduler_->FleetResume(now_, 1, "operator", &out);
  const auto workers_and_reader = {Nonce(13), Nonce(14), Nonce(15)};
  const auto expect_retired = [&](const SchedulerState& state, std::set<Nonce> all) {
    all.insert(workers_and_reader);
    EXPECT_EQ(std::set<Nonce>(state.retired.begin(), state.retired.end()), all);
  };
  expect_retired(scheduler_->state(), {Nonce(12)});
  expect_retired(started, {Nonce(11), Nonce(12)});
  View as_at_start = view();
  EXPECT_NE(as_at_start.shards[0].life, kNoLife);
  as_at_start.shards[0] = {};
  EXPECT_EQ(as_at_start, started.view);
}

TEST_F(SchedulerMembersTest, AReportThatWasOvertakenIsNotTaken) {
  StartAll();
  const ShardReport first = ReportOf(0, 3);
  Report(1, 5);
  Report(0, 5);
  Send(first);  // of the same view
  EXPECT_EQ(scheduler_->known_min_clock(), Clock(5));
  EXPECT_EQ(scheduler_->known_end(), Clock(5));
  SayHello(Role::kWorker, 1);
  Report(0, 5);
  Report(1, 5);
  const std::optional<Clock> start = view().members.back().start;
  ASSERT_TRUE(start);
  Send(first);  // of an older one
  EXPECT_EQ(scheduler_->known_min_clock(), Clock(5));
}

TEST_F(SchedulerMembersTest, TimeThatItSleptThroughCountsAgainstNobody) {
  StartAll();
  TickFor(options_.lease - Duration::Millis(100));  // all but silent for too long already
  now_ = now_ + Duration::Seconds(100'000);
  Tick();
  EXPECT_FALSE(Told(SchedulerEventKind::kEvicted));
  EXPECT_FALSE(Told(SchedulerEventKind::kCutWithdrawn));
  TickFor(options_.lease - Duration::Millis(100));
  EXPECT_FALSE(Told(SchedulerEventKind::kEvicted));
  TickFor(Duration::Millis(200));
  EXPECT_TRUE(Told(SchedulerEventKind::kEvicted));  // of one lease awake nobody heard anything
}

TEST_F(SchedulerMembersTest, SleepDoesNotUseUpTheTimeToJoinIn) {
  for (uint32_t i : {0u, 1u}) SayHello(Role::kShard, i);
  SayHello(Role::kWorker, 0);
  Heartbeat beat;
  beat.life = view().members[0].life;
  for (int slept = 0; slept < 3; ++slept) {
    now_ = now_ + options_.start_timeout;
    for (uint32_t i : {0u, 1u}) Report(i, 0);
    beat.seen = view().version;
    Tell(view().members[0].nonce, beat);
    Tick();
    EXPECT_FALSE(Told(SchedulerEventKind::kSeatsMissing));
  }
}

}  // namespace
}  // namespace rubato
