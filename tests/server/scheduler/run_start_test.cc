#include "server/scheduler/run_start.h"

#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "absl/strings/match.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/server/scheduler/run_fixture.h"

namespace rubato {
namespace {

using RunStartTest = RunTest;

TEST_F(RunStartTest, AFreshRunAndOneWithoutItsSnapshotsBeginAtZero) {
  for (const StartMode mode : {StartMode::kNew, StartMode::kResume}) {
    const auto state = StateToTrain(run_.path(), job_, mode, std::nullopt);
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
  ExpectRefused(StateToTrain(run_.path(), job_, StartMode::kNew, std::nullopt).status(), kExitUsage,
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

TEST_F(RunStartTest, TheNewestWholeSnapshotIsFoundAndTheDamagedOnesNamed) {
  EXPECT_EQ(FindWholeSnapshot(run_.path(), std::nullopt)->snapshot.number, SnapshotNumber(0));
  ASSERT_NO_FATAL_FAILURE(CommitThree());
  auto whole = FindWholeSnapshot(run_.path(), std::nullopt);
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(whole->snapshot.number, SnapshotNumber(6));
  EXPECT_TRUE(whole->damaged.empty());
  const std::string file = Damage("6-1-7");
  std::filesystem::remove_all(SnapshotsOf(run_.path()) + "/5-0-5");
  whole = FindWholeSnapshot(run_.path(), std::nullopt);
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(whole->snapshot.number, SnapshotNumber(2));
  ASSERT_EQ(whole->damaged.size(), 2U);
  EXPECT_EQ(whole->damaged[0], "snapshot 6 at clock 60 is damaged: row file " + file +
                                   ": its checksum is wrong; going back to snapshot 2 at clock 20");
  EXPECT_TRUE(absl::StrContains(whole->damaged[1], "/5-0-5/manifest"));
  EXPECT_EQ(FindWholeSnapshot(run_.path(), SnapshotNumber(5))->damaged.size(), 1U);
  ExpectRefused(FindWholeSnapshot(run_.path(), SnapshotNumber(4)).status(), kExitFatal,
                "snapshot 4 was not committed by this run");
  const std::string last = Damage("2-0-2");
  ExpectRefused(FindWholeSnapshot(run_.path(), std::nullopt).status(), kExitFatal,
                "snapshot 6 at clock 60 is damaged: row file " + file);
}

TEST_F(RunStartTest, AResumeBehindDamageSetsItAsideAndRemembersTheOlder) {
  ASSERT_NO_FATAL_FAILURE(CommitThree());
  const auto state = StateToTrain(run_.path(), job_, StartMode::kResume, SnapshotNumber(5));
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->view.committed.number, SnapshotNumber(5));
  EXPECT_EQ(state->view.committed.clock, Clock(50));
  EXPECT_EQ(state->view.floor, Clock(50));
  ASSERT_EQ(state->earlier.size(), 1U);
  EXPECT_EQ(state->earlier[0].number, SnapshotNumber(2));
  EXPECT_EQ(state->set_aside, std::vector{SnapshotNumber(6)});
  EXPECT_EQ(StateToServe(run_.path(), job_, SnapshotNumber(2))->view.committed.clock, Clock(20));
  ExpectRefused(StateToServe(run_.path(), job_, SnapshotNumber(3)).status(), kExitRetryable,
                "snapshot 3 was not committed by this run");
}

// The run trains on while somebody predicts with it.
TEST_F(RunStartTest, ASnapshotThatTheRunRemovedMeanwhileIsWorthAnotherTry) {
  MakeSnapshots();
  Commit(40);
  ExpectRefused(StateToServe(run_.path(), job_, SnapshotNumber(77)).status(), kExitRetryable,
                "is not kept any more; if the run trains meanwhile, try again");
}

// Of two shards, at clock 20: life 11 of seat 0 came to 20 and 17, life 12 of seat 1 to 18 and 20,
// life 13 of seat 2 was through, life 14 of seat 3 has no start, and life 15 had left before. Life
// 16 of seat 4 began at 19, which one shard had heard of when it was cut, and life 17 of seat 5 at
// 5, of which none had; life 18 of seat 6 began at 20.
class GapsTest : public RunTest {
 protected:
  void Commit(bool exact) {
    SchedulerState state = Scheduler::FirstState(job_);
    state.view.committed = {
        SnapshotNumber(3), Clock(20), Generation(0), {NameOf(3, 0, 1), NameOf(3, 1, 2)}};
    const auto add = [&](uint32_t life, uint32_t seat, std::optional<Clock> start) {
      state.view.members.push_back({Life(life), SeatId(seat), Nonce(), start});
    };
    for (uint32_t seat = 0; seat < 3; ++seat) add(11 + seat, seat, Clock(5));
    add(14, 3, std::nullopt);
    add(16, 4, Clock(19));
    add(17, 5, Clock(5));
    add(18, 6, Clock(20));
    const auto store = OpenSnapshotStore(SnapshotsOf(run_.path())).value();
    const std::vector<std::vector<Position>> positions = {
        {{Life(11), Clock(20)}, {Life(12), Clock(18)}, {Life(13), Clock(21)}, {Life(15), Clock(9)}},
        {{Life(11), Clock(17)},
         {Life(12), Clock(20)},
         {Life(13), Clock(20)},
         {Life(15), Clock(9)},
         {Life(16), Clock(20)}},
    };
    for (size_t i = 0; i < positions.size(); ++i) {
      Image image = RandomImage(state.view.committed.images[i], 20, i);
      image.exact = exact;
      image.positions = positions[i];
      ASSERT_TRUE(store->Write(image).ok());
    }
    ASSERT_TRUE(WriteSchedulerState(StatePathOf(run_.path()), state).ok());
  }
};

TEST_F(GapsTest, ATornSnapshotLacksWhatSomeShardLacks) {
  ASSERT_NO_FATAL_FAILURE(Commit(false));
  const auto gaps = GapsOf(run_.path(), std::nullopt);
  ASSERT_TRUE(gaps.ok()) << gaps.status();
  EXPECT_EQ(*gaps, (std::vector<Gap>{{SeatId(0), Life(11), Clock(17), Clock(20)},
                                     {SeatId(1), Life(12), Clock(18), Clock(20)},
                                     {SeatId(4), Life(16), Clock(19), Clock(20)},
                                     {SeatId(5), Life(17), Clock(5), Clock(20)}}));
  EXPECT_EQ(*GapsOf(run_.path(), SnapshotNumber(3)), *gaps);
  EXPECT_TRUE(GapsOf(run_.path(), SnapshotNumber(0))->empty());
}

TEST_F(GapsTest, AnExactOneLacksNothing) {
  EXPECT_TRUE(GapsOf(run_.path(), std::nullopt)->empty());
  ASSERT_NO_FATAL_FAILURE(Commit(true));
  EXPECT_TRUE(GapsOf(run_.path(), std::nullopt)->empty());
}

TEST_F(RunStartTest, SnapshotsOfAnotherSeedAreRefused) {
  MakeSnapshots();
  Commit(40);
  ++job_.seed;
  ExpectRefused(Resume().status(), kExitFatal, "/snapshots is of another model");
}

}  // namespace
}  // namespace rubato
