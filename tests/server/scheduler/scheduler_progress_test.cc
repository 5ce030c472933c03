// Deadlines count time without progress: whoever works for long is left to it, and whoever only
// says that he lives is not.
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/scheduler/scheduler.h"

namespace rubato {
namespace {

constexpr Nonce kWorker(21);
constexpr Nonce kReader(31);
constexpr Clock kLast(30);

// A scheduler with one shard and one worker that say something every second.
class SchedulerProgressTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.job.tables.resize(1);
    options_.job.tables[0].staleness = Staleness(1);
    options_.job.last_clock = kLast;
    options_.snapshot_within = options_.snapshot_after = Duration::Seconds(1'000'000);
    scheduler_.emplace(options_, Scheduler::FirstState(options_.job), now_);
    SayHello(shard_, Role::kShard);
    SayHello(kWorker, Role::kWorker);
    Report(0);
    Report(0);
    ASSERT_TRUE(scheduler_->view().members.at(0).start);
  }
  void SayHello(Nonce from, Role role) {
    Hello hello;
    hello.role = role;
    hello.job_fingerprint = options_.job.Fingerprint();
    Tell(from, hello);
  }
  void Tell(Nonce from, const Message& message) {
    SchedulerOutput out;
    scheduler_->Receive(now_, from, message, &out);
    Tick(&out);
  }
  void Tick(SchedulerOutput* out) {
    scheduler_->Tick(now_, out);
    for (const SchedulerEvent& event : out->events) events_.push_back(event);
  }
  void Report(int64_t clock, bool loading = false) {
    const View& view = scheduler_->view();
    ShardReport report;
    report.life = view.shards[0].life;
    report.seen = loading ? ViewVersion(0) : view.version;
    report.min_clock = report.end = Clock(clock);
    report.work = stored_;
    if (!view.members.empty()) {
      const MemberEntry& member = view.members[0];
      report.slowest = member.life;
      if (!member.start) report.pending = {{member.life, Clock(clock)}};
      report.positions = {{member.life, Clock(clock)}};
    }
    Tell(shard_, report);
  }
  void Beat(Nonce from, Life life, int64_t clock) {
    Heartbeat beat;
    beat.life = life;
    beat.seen = scheduler_->view().version;
    beat.clock = Clock(clock);
    beat.work = worked_;
    Tell(from, beat);
  }
  enum class Works { kNobody, kTrainer, kStore };
  // Everybody lives for `seconds` and stays at `clock`; one of them works.
  void Pass(int64_t seconds, int64_t clock, Works works, bool loading = false) {
    for (int64_t passed = 0; passed < seconds; ++passed) {
      now_ = now_ + Duration::Seconds(1);
      worked_ += works == Works::kTrainer ? 1 : 0;
      stored_ += works == Works::kStore ? 1 : 0;
      const View& view = scheduler_->view();
      if (!view.members.empty()) Beat(kWorker, view.members[0].life, clock);
      if (!view.readers.empty()) Beat(kReader, view.readers[0].life, clock);
      Report(clock, loading);
    }
  }
  // The scheduler is awake, and hears nobody.
  void PassInSilence(int64_t seconds) {
    for (int64_t passed = 0; passed < seconds; ++passed) {
      now_ = now_ + Duration::Seconds(1);
      SchedulerOutput out;
      Tick(&out);
    }
  }
  // Another process takes the place of the shard, and loads.
  void ReplaceShard() {
    shard_ = Nonce(12);
    SayHello(shard_, Role::kShard);
  }
  int Count(SchedulerEventKind kind) const {
    int count = 0;
    for (const SchedulerEvent& event : events_) count += event.kind == kind ? 1 : 0;
    return count;
  }

  SchedulerOptions options_;
  Instant now_;
  std::optional<Scheduler> scheduler_;
  std::vector<SchedulerEvent> events_;
  Nonce shard_{11};
  uint64_t worked_ = 0;
  uint64_t stored_ = 0;
};

TEST_F(SchedulerProgressTest, AnImageThatTakesAnHourIsCommitted) {
  Pass(5, kLast.value(), Works::kNobody);
  ASSERT_TRUE(scheduler_->view().cut);
  Pass(3600, kLast.value(), Works::kStore);
  EXPECT_EQ(Count(SchedulerEventKind::kCutWithdrawn), 0);
  EXPECT_EQ(Count(SchedulerEventKind::kEvicted), 0);  // its worker waits with all others
}

TEST_F(SchedulerProgressTest, AnImageOfAStoreThatStandsStillIsWithdrawn) {
  Pass(5, kLast.value(), Works::kNobody);
  Pass(150, kLast.value(), Works::kNobody);
  EXPECT_EQ(Count(SchedulerEventKind::kCutWithdrawn), 1);
}

TEST_F(SchedulerProgressTest, StoresThatStandStillForTenMinutesEndTheRun) {
  Pass(590, kLast.value(), Works::kNobody);
  EXPECT_EQ(Count(SchedulerEventKind::kStoresStand), 0);
  Pass(40, kLast.value(), Works::kNobody);
  EXPECT_EQ(Count(SchedulerEventKind::kStoresStand), 1);
}

TEST_F(SchedulerProgressTest, AnEvaluationThatTakesAnHourKeepsItsSeat) {
  Pass(3600, 7, Works::kTrainer);
  EXPECT_EQ(Count(SchedulerEventKind::kEvicted), 0);
}

// All workers at the same clock, and none of them works: it once stayed so for ever.
TEST_F(SchedulerProgressTest, AWorkerThatHangsIsEvictedThoughItSaysThatItLives) {
  Pass(3600, 0, Works::kTrainer);
  EXPECT_EQ(Count(SchedulerEventKind::kEvicted), 0);
  Pass(590, 0, Works::kNobody);
  EXPECT_EQ(Count(SchedulerEventKind::kEvicted), 0);
  Pass(30, 0, Works::kNobody);
  EXPECT_EQ(Count(SchedulerEventKind::kEvicted), 1);
}

TEST_F(SchedulerProgressTest, AReaderThatHangsIsPutOutAndOneThatWorksIsNot) {
  SayHello(kReader, Role::kReader);
  Pass(3600, 3, Works::kTrainer);
  EXPECT_EQ(scheduler_->view().readers.size(), 1U);
  Pass(700, 3, Works::kNobody);
  EXPECT_TRUE(scheduler_->view().readers.empty());
  EXPECT_EQ(Count(SchedulerEventKind::kReaderHangs), 1);
}

TEST_F(SchedulerProgressTest, ALoadThatTakesAnHourIsWaitedForByAll) {
  SayHello(kReader, Role::kReader);
  ReplaceShard();
  Pass(3600, 3, Works::kStore, /*loading=*/true);
  EXPECT_EQ(Count(SchedulerEventKind::kLoadStands), 0);
  EXPECT_EQ(Count(SchedulerEventKind::kEvicted), 0);
  EXPECT_EQ(Count(SchedulerEventKind::kReaderHangs), 0);
  EXPECT_EQ(scheduler_->view().readers.size(), 1U);
}

TEST_F(SchedulerProgressTest, ALoadThatStandsStillIsToldOf) {
  ReplaceShard();
  Pass(60, 3, Works::kStore, /*loading=*/true);
  Pass(150, 3, Works::kNobody, /*loading=*/true);
  ASSERT_EQ(Count(SchedulerEventKind::kLoadStands), 1);
  EXPECT_EQ(events_.back().text, "has read nothing of the committed snapshot for 120 s");
}

// What a cut link held back says what was known before the cut.
TEST_F(SchedulerProgressTest, ALoadThatIsNotHeardOfDoesNotStandStill) {
  ReplaceShard();
  Pass(60, 3, Works::kStore, /*loading=*/true);
  PassInSilence(150);
  Pass(1, 3, Works::kNobody, /*loading=*/true);
  Pass(60, 3, Works::kStore, /*loading=*/true);
  EXPECT_EQ(Count(SchedulerEventKind::kLoadStands), 0);
}

TEST_F(SchedulerProgressTest, ALoadThatStandsStillIsToldOfThoughItIsHardlyHeard) {
  ReplaceShard();
  Pass(60, 3, Works::kStore, /*loading=*/true);
  for (int heard = 0; heard < 7; ++heard) {
    PassInSilence(100);
    Pass(2, 3, Works::kNobody, /*loading=*/true);
  }
  EXPECT_EQ(Count(SchedulerEventKind::kLoadStands), 0);
  PassInSilence(100);
  Pass(2, 3, Works::kNobody, /*loading=*/true);
  EXPECT_EQ(Count(SchedulerEventKind::kLoadStands), 1);
}

}  // namespace
}  // namespace rubato
