// What a dead worker's iterations that reached some shards only cost is told once, and again only
// when it has become more.
#include <array>
#include <optional>
#include <vector>

#include "gtest/gtest.h"
#include "server/scheduler/scheduler.h"

namespace rubato {
namespace {

constexpr std::array kShards = {Nonce(11), Nonce(12)};
constexpr std::array kWorkers = {Nonce(21), Nonce(22)};

// Two shards and two workers at s = 1; the scheduler only reports what is lost.
class SchedulerLossTest : public ::testing::Test {
 protected:
  SchedulerLossTest() {
    SchedulerOptions options;
    options.job.tables.resize(1);
    options.job.tables[0].staleness = Staleness(1);
    options.job.places = options.job.seats = 2;
    options.job.last_clock = Clock(1000);
    options.on_loss = OnLoss::kReport;
    scheduler_.emplace(options, Scheduler::FirstState(options.job), now_);
    Hello hello;
    hello.job_fingerprint = options.job.Fingerprint();
    for (uint32_t i = 0; i < 2; ++i) {
      hello.index = i;
      hello.role = Role::kShard;
      Tell(kShards[i], hello);
      hello.role = Role::kWorker;
      Tell(kWorkers[i], hello);
    }
    dead_ = scheduler_->view().members[0].life;
    Report(0, 0);
    Report(0, 0);
  }
  void Tell(Nonce from, const Message& message) {
    scheduler_->Receive(now_, from, message, &out_);
    scheduler_->Tick(now_, &out_);
  }
  // What each shard has applied of the first worker; of the second nothing.
  void Report(int64_t first, int64_t second) {
    const std::array applied = {Clock(first), Clock(second)};
    for (uint32_t i = 0; i < 2; ++i) {
      const View& view = scheduler_->view();
      ShardReport report;
      report.life = view.shards[i].life;
      report.place = PlaceId(i);
      report.seen = view.version;
      report.end = Clock(10);
      for (const MemberEntry& member : view.members) {
        if (!member.start) report.pending.push_back({member.life, Clock(0)});
      }
      report.positions = {{dead_, applied[i]}};
      Tell(kShards[i], report);
    }
  }
  // The first worker is replaced by one that says Hello for its seat.
  void EvictFirst() {
    Hello hello;
    hello.job_fingerprint = scheduler_->job().Fingerprint();
    Tell(Nonce(23), hello);
  }
  // Ranges of iterations that were told as `kind`.
  std::vector<std::pair<int64_t, int64_t>> Told(SchedulerEventKind kind) {
    std::vector<std::pair<int64_t, int64_t>> told;
    for (const SchedulerEvent& event : out_.events) {
      if (event.kind == kind) told.emplace_back(event.clock.value(), event.clock2.value());
    }
    return told;
  }

  using Ranges = std::vector<std::pair<int64_t, int64_t>>;
  Instant now_;
  std::optional<Scheduler> scheduler_;
  SchedulerOutput out_;
  Life dead_;
};

TEST_F(SchedulerLossTest, IsToldOnceAndAgainOnlyWhenItGrows) {
  Report(10, 10);
  EvictFirst();
  Report(10, 4);
  Report(10, 4);
  Report(10, 4);
  EXPECT_EQ(Told(SchedulerEventKind::kLoss), (Ranges{{4, 10}}));
  Report(10, 3);
  Report(10, 3);
  EXPECT_EQ(Told(SchedulerEventKind::kLoss), (Ranges{{4, 10}, {3, 10}}));
}

TEST_F(SchedulerLossTest, TornIterationsThatBecomeALossAreToldAsThat) {
  Report(10, 9);
  EvictFirst();
  Report(10, 9);
  Report(10, 9);
  EXPECT_EQ(Told(SchedulerEventKind::kTornIterations), (Ranges{{9, 10}}));
  EXPECT_EQ(Told(SchedulerEventKind::kLoss), Ranges{});
  Report(10, 5);
  EXPECT_EQ(Told(SchedulerEventKind::kLoss), (Ranges{{5, 10}}));
}

}  // namespace
}  // namespace rubato
