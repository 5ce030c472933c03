#include "server/run_start.h"

#include <sys/stat.h>

#include <string>

#include "absl/strings/match.h"
#include "common/status.h"
#include "gtest/gtest.h"
#include "server/scheduler_state.h"
#include "tests/scratch_folder.h"
#include "tests/snapshot_fixture.h"

namespace rubato {
namespace {

class RunStartTest : public testing::Test {
 protected:
  RunStartTest() {
    TableSpec table;
    table.name = "weights";
    job_.tables = {table};
    job_.places = 1;
    job_.last_clock = Clock(100);
  }
  void MakeSnapshots() { ASSERT_EQ(mkdir(SnapshotsOf(run_.path()).c_str(), 0700), 0); }
  void Commit(int64_t clock) {
    SchedulerState state = Scheduler::FirstState(job_);
    state.view.committed = {EpochId(3), Clock(clock), Generation(0), {NameOf(3, 0, 1)}};
    ASSERT_TRUE(WriteSchedulerState(StatePathOf(run_.path()), state).ok());
  }
  absl::StatusOr<SchedulerState> Resume() {
    return StateToTrain(run_.path(), job_, StartMode::kResume);
  }
  void ExpectRefused(const absl::Status& status, int code, const std::string& part) {
    EXPECT_EQ(ExitCode(status), code);
    EXPECT_TRUE(absl::StrContains(status.message(), part)) << status;
  }

  ScratchFolder run_;
  Job job_;
};

TEST_F(RunStartTest, AFreshRunAndOneWithoutItsSnapshotsBeginAtZero) {
  for (const StartMode mode : {StartMode::kNew, StartMode::kResume}) {
    const auto state = StateToTrain(run_.path(), job_, mode);
    ASSERT_TRUE(state.ok()) << state.status();
    EXPECT_EQ(*state, Scheduler::FirstState(job_));
  }
  EXPECT_FALSE(FindState(run_.path())->has_value());
  ExpectRefused(StateToServe(run_.path(), job_, std::nullopt).status(), kExitFatal,
                "no snapshot was ever committed here");
}

TEST_F(RunStartTest, AResumeGoesOnFromTheCommittedClockInANewGeneration) {
  MakeSnapshots();
  Commit(40);
  const auto state = Resume();
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->view.committed.clock, Clock(40));
  EXPECT_EQ(state->view.generation, Generation(1));
  ExpectRefused(StateToTrain(run_.path(), job_, StartMode::kNew).status(), kExitUsage,
                "this run was started before; use --resume");
}

TEST_F(RunStartTest, NothingLeftToTrainIsSaidBeforeAnybodyWaitsForIt) {
  MakeSnapshots();
  for (const int64_t clock : {100, 120}) {
    Commit(clock);
    ExpectRefused(Resume().status(), kExitUsage,
                  absl::StrFormat("clock %d is committed and the run ends at clock 100", clock));
    EXPECT_TRUE(StateToServe(run_.path(), job_, std::nullopt).ok());
  }
}

TEST_F(RunStartTest, ImagesWithoutTheStateAreADamagedRunAndNotANewOne) {
  MakeSnapshots();
  EXPECT_FALSE(FindState(run_.path())->has_value());
  ASSERT_EQ(mkdir((SnapshotsOf(run_.path()) + "/3-0-1").c_str(), 0700), 0);
  ExpectRefused(Resume().status(), kExitFatal,
                "/scheduler.state: it is missing beside images of snapshots");
}

TEST_F(RunStartTest, SnapshotsOfAnotherSeedAreRefused) {
  MakeSnapshots();
  Commit(40);
  ++job_.seed;
  ExpectRefused(Resume().status(), kExitFatal, "/snapshots is of another model");
}

}  // namespace
}  // namespace rubato
