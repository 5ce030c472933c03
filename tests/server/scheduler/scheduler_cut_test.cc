// When every epoch ends with a commit that the workers wait for (best_epoch), no cut may be
// opened beyond it: a snapshot wanted by a full push log once was, and the run stood still.
#include <algorithm>
#include <optional>
#include <vector>

#include "gtest/gtest.h"
#include "server/scheduler/scheduler.h"

namespace rubato {
namespace {

constexpr Nonce kShard(11);
constexpr Nonce kWorker(21);
constexpr int64_t kPerEpoch = 10;  // evaluations at clocks 9, 19, 29

// A scheduler with one shard and one worker that both do as they are told.
class SchedulerCutTest : public ::testing::Test {
 protected:
  void Start(Staleness staleness, Duration snapshot_pause = Duration()) {
    SchedulerOptions options;
    options.job.best_epoch = true;
    Start(staleness, snapshot_pause, options);
  }
  void Start(Staleness staleness, Duration snapshot_pause, SchedulerOptions options) {
    options.snapshot_pause = snapshot_pause;
    options.job.tables.resize(1);
    options.job.tables[0].staleness = staleness;
    options.job.last_clock = Clock(3 * kPerEpoch);
    options.job.iterations_per_epoch = kPerEpoch;
    scheduler_.emplace(options, Scheduler::FirstState(options.job), now_);
    Hello hello;
    hello.role = Role::kShard;
    hello.job_fingerprint = options.job.Fingerprint();
    Tell(kShard, hello);
    hello.role = Role::kWorker;
    Tell(kWorker, hello);
    Report(0);  // holds the pending member's clock, so that it gets its start
    Report(0);
  }
  void Tell(Nonce from, const Message& message) {
    SchedulerOutput out;
    scheduler_->Receive(now_, from, message, &out);
    scheduler_->Tick(now_, &out);
  }
  // The shard has applied all iterations < clock.
  void Report(int64_t clock, std::optional<SnapshotNumber> refused = {},
              std::optional<SnapshotNumber> durable = {}) {
    const View& view = scheduler_->view();
    ShardReport report;
    report.life = view.shards[0].life;
    report.seen = view.version;
    report.min_clock = report.end = Clock(clock);
    report.refused = refused;
    report.durable = durable;
    if (!view.members[0].start) report.pending = {{view.members[0].life, Clock(clock)}};
    Tell(kShard, report);
  }
  void WantSnapshot(int64_t clock, float log_fill = 0) { Beat(clock, log_fill); }
  void WantNothing(int64_t clock) { Beat(clock, {}); }
  void Beat(int64_t clock, std::optional<float> log_fill) {
    Heartbeat beat;
    beat.life = scheduler_->view().members[0].life;
    beat.seen = scheduler_->view().version;
    beat.clock = Clock(clock);
    beat.log_fill = log_fill;
    Tell(kWorker, beat);
  }
  // The worker, at this clock, is heard all the time: a scheduler does not count what it slept.
  void Pass(Duration duration, int64_t clock) {
    for (const Instant end = now_ + duration; now_ < end;) {
      now_ = std::min(end, now_ + Duration::Seconds(1));
      WantNothing(clock);
    }
  }
  // A snapshot is wanted, and committed as soon as it may be; returns its number.
  SnapshotNumber Commit(int64_t clock) {
    Report(clock);
    WantSnapshot(clock);
    const OpenCut wanted = cut().value();
    Report(wanted.clock.value(), {}, wanted.snapshot);
    EXPECT_EQ(scheduler_->view().committed.number, wanted.snapshot);
    return wanted.snapshot;
  }
  std::optional<OpenCut> cut() const { return scheduler_->view().cut; }

  Instant now_;
  std::optional<Scheduler> scheduler_;
};

TEST_F(SchedulerCutTest, AWantedSnapshotNeverLiesBeyondTheEvaluation) {
  Start(Staleness(4));
  ASSERT_TRUE(cut());
  EXPECT_EQ(cut()->clock, Clock(9));
  Report(5);
  WantSnapshot(5);
  ASSERT_TRUE(cut());
  EXPECT_EQ(cut()->clock, Clock(7));  // sooner than the planned one, with its margin
  Report(8);                          // too late for it
  Report(9, cut()->snapshot);
  ASSERT_TRUE(cut());
  EXPECT_EQ(cut()->clock, Clock(9));
  Report(9, {}, cut()->snapshot);
  EXPECT_EQ(scheduler_->view().committed.clock, Clock(9));
  ASSERT_TRUE(cut());
  EXPECT_EQ(cut()->clock, Clock(19));
}

// Its weights may be no numbers, and it would be the newest that there is.
TEST_F(SchedulerCutTest, NothingIsCommittedOnceNobodyTrains) {
  Start(Staleness(4));
  Report(9);
  Heartbeat beat;
  beat.life = scheduler_->view().members[0].life;
  beat.seen = scheduler_->view().version;
  beat.clock = beat.quarantined.emplace(8);
  // Without a tick between them.
  SchedulerOutput out;
  scheduler_->Receive(now_, kWorker, beat, &out);
  Report(9, {}, cut()->snapshot);
  EXPECT_EQ(scheduler_->view().committed.clock, Clock(0));
}

// A wish may be older than the commit that fulfils it, and a log that fills in no time wishes
// always.
TEST_F(SchedulerCutTest, AWishSoonAfterACommitIsNotHeard) {
  Start(Staleness(4), Duration::Seconds(3));
  Report(3);
  WantSnapshot(3);
  EXPECT_EQ(cut()->clock, Clock(9));  // planned
  Pass(Duration::Seconds(3), 3);
  WantSnapshot(3);
  EXPECT_EQ(cut()->clock, Clock(5));
  Report(5, {}, cut()->snapshot);
  ASSERT_EQ(scheduler_->view().committed.clock, Clock(5));
  WantSnapshot(5);
  EXPECT_EQ(cut()->clock, Clock(9));
}

// A fast pusher would be past the hard bound before the pause is over.
TEST_F(SchedulerCutTest, TheFullerALogIsTheSoonerItsWishIsHeard) {
  Start(Staleness(4), Duration::Seconds(4));
  Report(3);
  Pass(Duration::Seconds(1), 3);
  WantSnapshot(3, 0.7F);
  EXPECT_EQ(cut()->clock, Clock(9));  // planned
  WantSnapshot(3, 0.75F);
  EXPECT_EQ(cut()->clock, Clock(5));
  Report(5, {}, cut()->snapshot);
  WantSnapshot(5, 0.99F);
  EXPECT_EQ(cut()->clock, Clock(9));
  WantSnapshot(5, 1);
  EXPECT_EQ(cut()->clock, Clock(7));
}

TEST_F(SchedulerCutTest, WithoutAnyCommitForAWhileASnapshotIsAskedFor) {
  Start(Staleness(4));
  Report(3);
  EXPECT_EQ(cut()->clock, Clock(9));  // planned
  Pass(Duration::Seconds(30), 3);
  EXPECT_EQ(cut()->clock, Clock(9));
  now_ = now_ + Duration::Millis(1);
  WantNothing(3);
  EXPECT_EQ(cut()->clock, Clock(5));  // at once, with its margin
  Report(5, {}, cut()->snapshot);
  EXPECT_EQ(scheduler_->view().committed.clock, Clock(5));
  EXPECT_EQ(cut()->clock, Clock(9));
}

TEST_F(SchedulerCutTest, WhoHasNotBegunHasTrainedNothing) {
  Job job;
  job.tables.resize(1);
  SchedulerOptions options;
  options.job = job;
  EXPECT_TRUE(Scheduler(options, Scheduler::FirstState(job), now_).NothingTrained());
  Start(Staleness(4), Duration(), SchedulerOptions{});
  EXPECT_FALSE(scheduler_->NothingTrained());
  Commit(3);
  EXPECT_FALSE(scheduler_->NothingTrained());
  Heartbeat goodbye;
  goodbye.life = scheduler_->view().members[0].life;
  goodbye.seen = scheduler_->view().version;
  goodbye.leaving = true;
  Tell(kWorker, goodbye);
  EXPECT_TRUE(scheduler_->view().members.empty());
  EXPECT_FALSE(scheduler_->NothingTrained());  // what it has pushed is in no snapshot yet
  options.job = scheduler_->job();
  const SchedulerState resumed = Scheduler::ResumedState(scheduler_->state(), 1);
  EXPECT_TRUE(Scheduler(options, resumed, now_).NothingTrained());
}

TEST_F(SchedulerCutTest, SnapshotsAreAskedForAsOftenAsAHundredthOfTheTimeWritesThem) {
  Start(Staleness(4), Duration(), SchedulerOptions{});
  Commit(3);
  // Seconds from one commit to the next, and what it takes then; five are many.
  for (const auto& [wait, writes] : {std::pair(10, 2), {200, 5}, {300, 0}, {10, 0}}) {
    const Clock clock = scheduler_->view().committed.clock;
    Report(clock.value());
    EXPECT_EQ(cut()->clock, Clock(3 * kPerEpoch));  // planned
    Pass(Duration::Seconds(wait), clock.value());
    EXPECT_EQ(cut()->clock, Clock(3 * kPerEpoch));
    Pass(Duration::Millis(1), clock.value());
    const OpenCut open = cut().value();
    EXPECT_EQ(open.clock, clock + ClockDelta(2));
    Report(open.clock.value());
    Pass(Duration::Seconds(writes), open.clock.value());
    Report(open.clock.value(), {}, open.snapshot);
    EXPECT_EQ(scheduler_->view().committed.number, open.snapshot);
  }
}

// All reports came in before its first tick: the snapshot seemed to have taken as long as the host
// was up.
TEST_F(SchedulerCutTest, WhoTakesThePlaceOfASchedulerKnowsNoLongWriting) {
  Start(Staleness(4), Duration(), SchedulerOptions{});
  Report(3);
  WantSnapshot(3);
  const OpenCut open = cut().value();
  now_ = now_ + Duration::Seconds(1'000'000);
  SchedulerOptions options;
  options.job = scheduler_->job();
  scheduler_.emplace(options, SchedulerState(scheduler_->state()), now_);
  ShardReport report;
  report.life = scheduler_->view().shards[0].life;
  report.seen = scheduler_->view().version;
  report.min_clock = report.end = open.clock;
  report.durable = open.snapshot;
  SchedulerOutput out;
  scheduler_->Receive(now_, kShard, report, &out);
  EXPECT_EQ(scheduler_->view().committed.number, open.snapshot);
  Report(open.clock.value());
  Pass(Duration::Seconds(10), open.clock.value());
  EXPECT_EQ(cut()->clock, Clock(3 * kPerEpoch));  // planned
  Pass(Duration::Millis(1), open.clock.value());
  EXPECT_EQ(cut()->clock, open.clock + ClockDelta(2));
}

// Its fellows may have pushed on, on a shard that has died since: what it evaluated would hold that
// (one history in ten thousand of many crashes).
TEST_F(SchedulerCutTest, AJoinerStartsBeyondAnEvaluationThatIsCommitted) {
  Start(Staleness(4));
  Report(9);
  Report(9, {}, cut()->snapshot);
  ASSERT_EQ(scheduler_->view().committed.clock, Clock(9));
  Hello hello;
  hello.role = Role::kWorker;
  hello.job_fingerprint = scheduler_->job().Fingerprint();
  Tell(Nonce(22), hello);  // the seat again
  Report(9);
  Report(9);
  ASSERT_EQ(scheduler_->view().members.size(), 1U);
  EXPECT_EQ(scheduler_->view().members[0].start, Clock(10));
}

TEST_F(SchedulerCutTest, TheNewestCommitsAreKeptAsManyAsAreAskedFor) {
  for (const int64_t keep : {1, 2, 3}) {
    SchedulerOptions options;
    options.job.snapshots_kept = keep;
    Start(Staleness(4), Duration(), options);
    std::vector<SnapshotNumber> committed;
    for (const int64_t clock : {1, 5, 9, 13, 17}) {
      committed.push_back(Commit(clock));
      const View& view = scheduler_->view();
      std::vector<SnapshotNumber> kept = view.kept;
      kept.push_back(view.committed.number);
      const auto most = std::min(committed.size(), static_cast<size_t>(keep));
      EXPECT_EQ(kept,
                (std::vector(committed.end() - static_cast<ptrdiff_t>(most), committed.end())));
      ASSERT_EQ(scheduler_->state().earlier.size(), view.kept.size());
      for (const CommittedSnapshot& earlier : scheduler_->state().earlier) {
        EXPECT_EQ(earlier.images,
                  (std::vector{ImageName{earlier.number, PlaceId(0), view.shards[0].life}}));
      }
    }
  }
}

TEST_F(SchedulerCutTest, WithBestEpochWhatWasValidatedIsKeptAndNothingElse) {
  Start(Staleness(4));
  const auto commit_at = [&](int64_t clock) {
    Report(clock);
    EXPECT_EQ(cut()->clock, Clock(clock));
    const SnapshotNumber snapshot = cut()->snapshot;
    Report(clock, {}, snapshot);
    return snapshot;
  };
  const SnapshotNumber first = commit_at(9);
  Commit(12);
  EXPECT_EQ(scheduler_->view().kept, std::vector{first});
  const SnapshotNumber second = commit_at(19);
  EXPECT_EQ(scheduler_->view().kept, std::vector{first});
  Commit(22);
  EXPECT_EQ(scheduler_->view().kept, (std::vector{first, second}));
}

TEST_F(SchedulerCutTest, AspCutsExactlyWhereAllWorkersWait) {
  Start(Staleness::Infinite());
  EXPECT_FALSE(cut());
  Report(8);
  EXPECT_FALSE(cut());
  Report(9);
  ASSERT_TRUE(cut());
  EXPECT_EQ(cut()->clock, Clock(9));
  EXPECT_TRUE(cut()->exact);
  Report(9, {}, cut()->snapshot);
  EXPECT_EQ(scheduler_->view().committed.clock, Clock(9));
  EXPECT_FALSE(cut());
}

}  // namespace
}  // namespace rubato
