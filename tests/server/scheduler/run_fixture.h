// The folder of a run with snapshots in it, for the tests of what reads and changes them.
#pragma once

#include <sys/stat.h>

#include <fstream>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "server/scheduler/run_start.h"
#include "server/scheduler/scheduler_state.h"
#include "server/snapshot/snapshot_store.h"
#include "tests/scratch_folder.h"
#include "tests/server/snapshot/snapshot_fixture.h"

namespace rubato {

class RunTest : public testing::Test {
 protected:
  RunTest() {
    TableSpec table;
    table.name = "weights";
    job_.tables = {table};
    job_.places = 1;
    job_.last_clock = Clock(100);
  }
  void MakeSnapshots() { ASSERT_EQ(mkdir(SnapshotsOf(run_.path()).c_str(), 0700), 0); }
  void Commit(int64_t clock) {
    SchedulerState state = Scheduler::FirstState(job_);
    state.view.committed = {SnapshotNumber(3), Clock(clock), Generation(0), {NameOf(3, 0, 1)}};
    ASSERT_TRUE(WriteSchedulerState(StatePathOf(run_.path()), state).ok());
  }
  absl::StatusOr<SchedulerState> Resume() {
    return StateToTrain(run_.path(), job_, StartMode::kResume, std::nullopt);
  }
  // Snapshots 2, 5 and 6 of two places at clocks 20, 50 and 60, and their images: full ones, or the
  // second rests on the first.
  enum class Images { kFull, kSecondOnFirst };
  void CommitThree(Images images = Images::kFull) {
    job_.places = 2;
    const auto store = OpenSnapshotStore(SnapshotsOf(run_.path())).value();
    SchedulerState state = Scheduler::FirstState(job_);
    for (const uint64_t number : {2U, 5U, 6U}) {
      const Clock clock(static_cast<int64_t>(number) * 10);
      CommittedSnapshot committed = {SnapshotNumber(number), clock, Generation(0), {}};
      for (const uint32_t place : {0U, 1U}) {
        committed.images.push_back(NameOf(number, place, number + place));
        Image image = RandomImage(committed.images.back(), 20, number);
        image.job_fingerprint = 7;
        if (number == 5 && images == Images::kSecondOnFirst) {
          image.base = NameOf(2, place, 2 + place);
          image.depth = 1;
        }
        ASSERT_TRUE(store->Write(image).ok());
      }
      state.earlier.push_back(committed);
    }
    state.view.committed = state.earlier.back();
    state.earlier.pop_back();
    ASSERT_TRUE(WriteSchedulerState(StatePathOf(run_.path()), state).ok());
  }
  std::string Damage(const std::string& image) {
    const std::string path = SnapshotsOf(run_.path()) + "/" + image + "/rows-00000.sst";
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(300);
    file.put('!');
    return path;
  }
  void ExpectRefused(const absl::Status& status, int code, const std::string& part) {
    EXPECT_EQ(ExitCode(status), code);
    EXPECT_TRUE(absl::StrContains(status.message(), part)) << status;
  }

  ScratchFolder run_;
  Job job_;
};

}  // namespace rubato
