#include "server/scheduler/run_snapshots.h"

#include <filesystem>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/snapshot/image_folder.h"
#include "tests/server/scheduler/run_fixture.h"

namespace rubato {
namespace {

std::vector<SnapshotNumber> Numbers(const std::vector<uint64_t>& values) {
  std::vector<SnapshotNumber> numbers;
  for (const uint64_t value : values) numbers.emplace_back(value);
  return numbers;
}

class RunSnapshotsTest : public RunTest {
 protected:
  std::vector<SnapshotNumber> KeptNow() {
    std::vector<SnapshotNumber> numbers;
    for (const auto& snapshot : KeptSnapshots(**FindState(run_.path()))) {
      numbers.push_back(snapshot.number);
    }
    return numbers;
  }
  std::vector<std::string> ImagesNow() {
    std::vector<std::string> names;
    const auto images = ListImageFolders(SnapshotsOf(run_.path()));
    for (const ImageName& name : *images) {
      names.push_back(ImageFolderName(name));
    }
    return names;
  }
  absl::StatusOr<PrunedSnapshots> Prune(size_t keep, const std::vector<uint64_t>& spare = {}) {
    return PruneSnapshots(run_.path(), {.keep = keep, .spare = Numbers(spare)});
  }
  // An image of a snapshot that was never committed.
  void LeaveAnImage(uint64_t snapshot) {
    const auto store = OpenSnapshotStore(SnapshotsOf(run_.path())).value();
    ASSERT_TRUE(store->Write(RandomImage(NameOf(snapshot, 0, 9), 20, snapshot)).ok());
  }
};

TEST_F(RunSnapshotsTest, OfARunWithoutAnyThereIsNothingToSay) {
  EXPECT_TRUE(ListSnapshots(run_.path())->kept.empty());
  ExpectRefused(CheckSnapshots(run_.path(), std::nullopt).status(), kExitFatal,
                "no snapshot was ever committed here");
  ExpectRefused(Prune(1).status(), kExitFatal, "no snapshot was ever committed here");
  ExpectRefused(RollBack(run_.path(), SnapshotNumber(1)).status(), kExitFatal,
                "no snapshot was ever committed here");
}

TEST_F(RunSnapshotsTest, TheListHasWhatIsKeptAndWhatIsNotUsedAnyMore) {
  ASSERT_NO_FATAL_FAILURE(CommitThree());
  ASSERT_NO_FATAL_FAILURE(LeaveAnImage(4));
  const auto list = ListSnapshots(run_.path());
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_EQ(list->kept.size(), 3U);
  EXPECT_EQ(list->kept[0].number, SnapshotNumber(2));
  EXPECT_EQ(list->kept[2].number, SnapshotNumber(6));
  EXPECT_EQ(list->kept[2].clock, Clock(60));
  EXPECT_EQ(list->kept[2].shards, 2U);
  uint64_t bytes = 0;
  for (const std::string image : {"6-0-6", "6-1-7"}) {
    for (const auto& file :
         std::filesystem::directory_iterator(SnapshotsOf(run_.path()) + "/" + image)) {
      bytes += file.file_size();
    }
  }
  EXPECT_EQ(list->kept[2].bytes, bytes);
  EXPECT_GT(list->kept[2].written_at, 1'600'000'000);
  ASSERT_EQ(list->unused.size(), 1U);
  EXPECT_EQ(list->unused[0].number, SnapshotNumber(4));
  EXPECT_EQ(list->unused[0].clock, std::nullopt);
  EXPECT_GT(list->unused[0].bytes, 0U);
}

TEST_F(RunSnapshotsTest, ACheckNamesTheDamagedFileOfEachImage) {
  ASSERT_NO_FATAL_FAILURE(CommitThree());
  const std::string first = Damage("5-0-5");
  const std::string second = Damage("5-1-6");
  const std::string manifest = SnapshotsOf(run_.path()) + "/2-1-3/manifest";
  std::filesystem::resize_file(manifest, 100);
  const auto checks = CheckSnapshots(run_.path(), std::nullopt);
  ASSERT_TRUE(checks.ok()) << checks.status();
  ASSERT_EQ(checks->size(), 3U);
  ASSERT_EQ((*checks)[0].damage.size(), 1U);
  EXPECT_TRUE(absl::StrContains((*checks)[0].damage[0], manifest));
  EXPECT_TRUE((*checks)[2].damage.empty());
  EXPECT_EQ((*checks)[1].number, SnapshotNumber(5));
  ASSERT_EQ((*checks)[1].damage.size(), 2U);
  EXPECT_EQ((*checks)[1].damage[0], "row file " + first + ": its checksum is wrong");
  EXPECT_EQ((*checks)[1].damage[1], "row file " + second + ": its checksum is wrong");
  const auto one = CheckSnapshots(run_.path(), SnapshotNumber(6));
  ASSERT_EQ(one->size(), 1U);
  EXPECT_TRUE((*one)[0].damage.empty());
  ExpectRefused(CheckSnapshots(run_.path(), SnapshotNumber(4)).status(), kExitUsage,
                "snapshot 4 was not committed by this run");
  ExpectRefused(FindSnapshot(run_.path(), SnapshotNumber(4)).status(), kExitUsage,
                "`rubato snapshot list` says which there are");
  EXPECT_EQ(FindSnapshot(run_.path(), SnapshotNumber(5))->clock, Clock(50));
}

TEST_F(RunSnapshotsTest, PruningKeepsTheNewestAndWhatIsSpared) {
  ASSERT_NO_FATAL_FAILURE(CommitThree());
  ASSERT_NO_FATAL_FAILURE(LeaveAnImage(7));
  auto pruned = Prune(1, {2});
  ASSERT_TRUE(pruned.ok()) << pruned.status();
  EXPECT_EQ(pruned->kept, Numbers({2, 6}));
  EXPECT_EQ(pruned->removed, Numbers({5, 7}));
  EXPECT_GT(pruned->bytes, 0U);
  EXPECT_EQ(KeptNow(), Numbers({2, 6}));
  EXPECT_EQ(ImagesNow(), (std::vector<std::string>{"2-0-2", "2-1-3", "6-0-6", "6-1-7"}));
  pruned = Prune(9);
  EXPECT_EQ(pruned->kept, Numbers({2, 6}));
  EXPECT_TRUE(pruned->removed.empty());
  EXPECT_EQ(FindWholeSnapshot(run_.path(), std::nullopt)->snapshot.number, SnapshotNumber(6));
}

TEST_F(RunSnapshotsTest, PruningKeepsWhatTheKeptOnesRestOn) {
  ASSERT_NO_FATAL_FAILURE(CommitThree(Images::kSecondOnFirst));
  auto pruned = Prune(2);
  ASSERT_TRUE(pruned.ok()) << pruned.status();
  EXPECT_EQ(pruned->kept, Numbers({5, 6}));
  EXPECT_TRUE(pruned->removed.empty());
  EXPECT_EQ(KeptNow(), Numbers({5, 6}));
  EXPECT_TRUE(ListSnapshots(run_.path())->unused.empty());
  EXPECT_TRUE((*CheckSnapshots(run_.path(), SnapshotNumber(5)))[0].damage.empty());
  pruned = Prune(1);
  EXPECT_EQ(pruned->removed, Numbers({2, 5}));
  EXPECT_EQ(ImagesNow(), (std::vector<std::string>{"6-0-6", "6-1-7"}));
}

TEST_F(RunSnapshotsTest, ACheckGoesDownTheChain) {
  ASSERT_NO_FATAL_FAILURE(CommitThree(Images::kSecondOnFirst));
  const std::string own = Damage("5-0-5");
  const std::string base = Damage("2-0-2");
  const auto checks = CheckSnapshots(run_.path(), SnapshotNumber(5));
  ASSERT_TRUE(checks.ok()) << checks.status();
  ASSERT_EQ((*checks)[0].damage.size(), 2U);
  EXPECT_TRUE(absl::StrContains((*checks)[0].damage[0], own));
  EXPECT_TRUE(absl::StrContains((*checks)[0].damage[1], base));
  ExpectRefused(RollBack(run_.path(), SnapshotNumber(5)).status(), kExitFatal, own);
}

TEST_F(RunSnapshotsTest, PruningCountsWholeSnapshotsOnly) {
  ASSERT_NO_FATAL_FAILURE(CommitThree());
  const std::string file = Damage("6-1-7");
  const auto pruned = Prune(1);
  ASSERT_TRUE(pruned.ok()) << pruned.status();
  EXPECT_EQ(pruned->kept, Numbers({5}));
  EXPECT_EQ(pruned->removed, Numbers({2, 6}));
  ASSERT_EQ(pruned->damage.size(), 1U);
  EXPECT_TRUE(absl::StrContains(pruned->damage[0], file));
  EXPECT_EQ((*FindState(run_.path()))->view.committed.clock, Clock(50));
  Damage("5-0-5");
  ExpectRefused(Prune(1).status(), kExitFatal, "so nothing was removed");
  EXPECT_EQ(ImagesNow(), (std::vector<std::string>{"5-0-5", "5-1-6"}));
}

TEST_F(RunSnapshotsTest, ARollBackSetsAsideWhatIsLaterUntilItIsPruned) {
  ASSERT_NO_FATAL_FAILURE(CommitThree());
  auto back = RollBack(run_.path(), SnapshotNumber(2));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->committed.clock, Clock(20));
  EXPECT_EQ(back->set_aside, Numbers({5, 6}));
  EXPECT_EQ(KeptNow(), Numbers({2}));
  EXPECT_EQ(ImagesNow().size(), 6U);
  EXPECT_EQ(Resume()->view.committed.clock, Clock(20));
  EXPECT_EQ(Resume()->set_aside, Numbers({5, 6}));
  back = RollBack(run_.path(), SnapshotNumber(2));
  ASSERT_TRUE(back.ok()) << "once more, as after a rollback that was cut short";
  EXPECT_TRUE(back->set_aside.empty());
  ExpectRefused(RollBack(run_.path(), SnapshotNumber(6)).status(), kExitUsage,
                "snapshot 6 was not committed by this run, or is not kept any more");
  EXPECT_EQ(Prune(1)->removed, Numbers({5, 6}));
  EXPECT_TRUE((*FindState(run_.path()))->set_aside.empty());
  EXPECT_TRUE(ListSnapshots(run_.path())->unused.empty());
}

TEST_F(RunSnapshotsTest, SnapshotZeroIsTheBeginning) {
  ASSERT_NO_FATAL_FAILURE(CommitThree());
  const auto back = RollBack(run_.path(), SnapshotNumber(0));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->set_aside, Numbers({2, 5, 6}));
  EXPECT_TRUE(KeptNow().empty());
  EXPECT_EQ(Resume()->view.committed.clock, Clock(0));
  EXPECT_EQ(Resume()->set_aside, Numbers({2, 5, 6}));
}

TEST_F(RunSnapshotsTest, NobodyRollsBackToADamagedSnapshot) {
  ASSERT_NO_FATAL_FAILURE(CommitThree());
  const std::string file = Damage("5-1-6");
  ExpectRefused(RollBack(run_.path(), SnapshotNumber(5)).status(), kExitFatal, file);
  EXPECT_EQ(KeptNow(), Numbers({2, 5, 6}));
}

}  // namespace
}  // namespace rubato
