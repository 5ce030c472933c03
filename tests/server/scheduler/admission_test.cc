// Whether a run fits into memory: the figures of jobs that can be added up by hand.
#include "server/scheduler/admission.h"

#include <string>

#include "common/wire/protocol.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

constexpr uint64_t kMib = 1 << 20;

// 64 MiB of dense weights under adam on two shards, two workers that push it all, s = 1.
Job DenseJob() {
  Job job;
  TableSpec layer;
  layer.kind = TableKind::kDense;
  layer.dim = 4096;
  layer.size = 16 * kMib;
  layer.optimizer.kind = OptimizerKind::kAdam;
  layer.staleness = Staleness(1);
  job.tables = {layer};
  job.places = 2;
  job.seats = 2;
  job.last_clock = Clock(1000);
  job.iteration_bytes = 64 * kMib;
  return job;
}

MemoryLimits Limits(uint64_t host, uint64_t process) {
  return {{host, "/sys/fs/cgroup/box/memory.max"}, {process, "ulimit -v"}};
}

TEST(Admission, ADenseModelIsCountedToTheByte) {
  const Job job = DenseJob();
  const MemoryNeed need = NeedOf(job, FleetFor::kTraining);
  EXPECT_EQ(need.weights, 64 * kMib);
  EXPECT_EQ(need.slots, 128 * kMib + 4096 * sizeof(float));  // and a count of steps for each block
  EXPECT_EQ(need.image, need.weights + need.slots);
  // A worker: two iterations that are not applied; of pulls as much as two shards let it ask for.
  EXPECT_EQ(need.credits, 2 * (128 + 64) * kMib);
  EXPECT_EQ(need.retained, 2 * job.retention_hard_bytes);
  EXPECT_EQ(LargestProcess(job, need), job.retention_hard_bytes);
}

TEST(Admission, AShortRunCannotKeepMoreThanItPushes) {
  Job job = DenseJob();
  job.last_clock = Clock(1);
  const MemoryNeed need = NeedOf(job, FleetFor::kTraining);
  EXPECT_EQ(need.retained, 2 * 64 * kMib);
  EXPECT_EQ(need.credits, 2 * (64 + 64) * kMib);
}

TEST(Admission, WithoutAStalenessBoundTheCreditBoundsWhatIsUnderWay) {
  Job job = DenseJob();
  job.tables[0].staleness = Staleness::Infinite();
  // Two iterations at each shard, with what holds their rows.
  EXPECT_EQ(NeedOf(job, FleetFor::kTraining).credits,
            2 * (2 * CreditRule::OfPushes(64 * kMib) + 64 * kMib));
}

TEST(Admission, SparseRowsCountWhereTheirNumberIsKnown) {
  Job job = DenseJob();
  job.tables[0] = TableSpec{};
  job.tables[0].dim = 16;
  EXPECT_EQ(NeedOf(job, FleetFor::kReaders).total(), 0u);
  job.feature_keys = kMib;
  EXPECT_EQ(NeedOf(job, FleetFor::kReaders).weights, (64 + 64) * kMib);
}

TEST(Admission, AReaderNeedsTheModelAndItsImage) {
  const MemoryNeed need = NeedOf(DenseJob(), FleetFor::kReaders);
  EXPECT_EQ(need.credits + need.retained, 0u);
  EXPECT_EQ(need.total(), 2 * (need.weights + need.slots));
}

TEST(Admission, WhatDoesNotFitIsOneSentence) {
  const Job job = DenseJob();
  const uint64_t total = NeedOf(job, FleetFor::kTraining).total();
  EXPECT_TRUE(CheckItFits(job, FleetFor::kTraining, Limits(total, UINT64_MAX)).ok());
  const absl::Status refused = CheckItFits(job, FleetFor::kTraining, Limits(total - 1, UINT64_MAX));
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(refused.message(),
            "this run can need 2.8 GiB of memory (weights 64 MiB, the optimizer's state 128 MiB, "
            "as much for writing or reading an image 192 MiB, requests under way 384 MiB, pushes "
            "kept for replay 2.0 GiB), and /sys/fs/cgroup/box/memory.max is 2.8 GiB; make the "
            "model or snapshot.retention_hard_mib smaller, take fewer workers, or give it more "
            "memory");
}

TEST(Admission, EachProcessHasToFitAsWell) {
  const Job job = DenseJob();
  const uint64_t largest = LargestProcess(job, NeedOf(job, FleetFor::kTraining));
  EXPECT_TRUE(CheckItFits(job, FleetFor::kTraining, Limits(UINT64_MAX, largest)).ok());
  const absl::Status refused =
      CheckItFits(job, FleetFor::kTraining, Limits(UINT64_MAX, largest - 1));
  EXPECT_EQ(std::string(refused.message()).substr(0, 54),
            "one process of this run can need 1.0 GiB of memory (al");
}

TEST(Admission, AbsurdNumbersAddUpToTooMuch) {
  Job job = DenseJob();
  job.tables[0].kind = TableKind::kSparse;
  job.feature_keys = uint64_t{1} << 60;
  job.tables.resize(64, job.tables[0]);
  job.last_clock = Clock(int64_t{1} << 53);
  job.iteration_bytes = uint64_t{1} << 60;
  job.retention_hard_bytes = uint64_t{1} << 48;
  const MemoryLimits limits = Limits(uint64_t{1} << 50, UINT64_MAX);
  EXPECT_FALSE(CheckItFits(job, FleetFor::kTraining, limits).ok());
  EXPECT_FALSE(CheckItFits(job, FleetFor::kReaders, limits).ok());
}

TEST(Admission, OfSeveralHostsEachServerAsksForThoseOnItsOwn) {
  const Job job = DenseJob();
  const MemoryNeed all = NeedOf(job, FleetFor::kTraining);
  const uint64_t shard = (all.weights + all.slots + all.image + all.credits) / 2;
  const auto check = [&](ServersOnHost here, uint64_t host, uint64_t process) {
    return CheckServersFit(job, FleetFor::kTraining, here, Limits(host, process));
  };
  EXPECT_TRUE(check({1, 1}, shard, shard).ok());
  EXPECT_TRUE(check({1, 2}, 2 * shard, 2 * shard).ok());
  EXPECT_TRUE(check({2, 1}, 2 * shard, shard).ok());
  EXPECT_EQ(check({1, 1}, shard - 1, shard).message(),
            "this server can need 384 MiB of memory, for 1 of the run's 2 shards, and "
            "/sys/fs/cgroup/box/memory.max is 384 MiB; use more hosts, make the model smaller, "
            "or give it more memory");
  EXPECT_EQ(check({2, 1}, 2 * shard - 1, shard).message(),
            "the 2 servers on this host can need 768 MiB of memory, for 2 of the run's 2 shards, "
            "and /sys/fs/cgroup/box/memory.max is 768 MiB; use more hosts, make the model smaller, "
            "or give it more memory");
  EXPECT_EQ(check({2, 1}, 2 * shard, shard - 1).message(),
            "this server can need 384 MiB of memory, for 1 of the run's 2 shards, and ulimit -v is "
            "384 MiB; use more servers, make the model smaller, or give it more memory");
}

}  // namespace
}  // namespace rubato
