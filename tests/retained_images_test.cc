// What stays on the disk when newer snapshots are committed.
#include "server/retained_images.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/memory_snapshot_store.h"
#include "tests/snapshot_fixture.h"

namespace rubato {
namespace {

// Data epochs of 10 iterations, evaluated at clocks 9, 19 and 29; T = 30.
Job ThreeDataEpochs() {
  Job job;
  job.iterations_per_epoch = 10;
  job.last_clock = Clock(30);
  job.evaluate = job.best_epoch = true;
  return job;
}

Image Cut(uint64_t epoch, int64_t clock, uint64_t life_number = 1) {
  Image image = RandomImage(NameOf(epoch, 0, life_number), 20, epoch);
  image.clock = Clock(clock);
  image.exact = true;
  return image;
}

TEST(Validated, IsCutWhereADataEpochIsEvaluatedOrTheRunEnds) {
  std::vector<Image> images;
  for (int64_t clock = 1; clock <= 30; ++clock) {
    images.push_back(Cut(static_cast<uint64_t>(clock), clock));
  }
  EXPECT_EQ(Validated(ThreeDataEpochs(), images),
            (std::vector{NameOf(30, 0, 1), NameOf(29, 0, 1), NameOf(19, 0, 1), NameOf(9, 0, 1)}));
}

TEST(Validated, IsNotTornAndNotARepeatedCutsFirst) {
  Image torn = Cut(4, 9);
  torn.exact = false;
  EXPECT_EQ(Validated(ThreeDataEpochs(), {Cut(1, 9), Cut(2, 9), Cut(3, 9, 1), Cut(3, 9, 2), torn}),
            std::vector{NameOf(3, 0, 2)});
}

TEST(Validated, HasTheEndOfEveryDataEpochWhenEachIsOneIteration) {
  Job job = ThreeDataEpochs();
  job.iterations_per_epoch = 1;
  EXPECT_EQ(Validated(job, {Cut(1, 1), Cut(2, 2)}).size(), 2U);
}

TEST(Withdrawn, IsAnEpochThatIsNeitherOpenNorMayBeCommitted) {
  View view;
  view.committed.epoch = EpochId(4);
  EXPECT_TRUE(Withdrawn(view, EpochId(6)));
  view.cut = OpenCut{EpochId(6), Clock(20), true};
  EXPECT_TRUE(Withdrawn(view, EpochId(5)));
  EXPECT_FALSE(Withdrawn(view, EpochId(6)));
  EXPECT_FALSE(Withdrawn(view, EpochId(4)));
  EXPECT_FALSE(Withdrawn(view, EpochId(3)));  // committed, perhaps, before epoch 4 was
}

struct InMemory {
  static std::unique_ptr<SnapshotStore> Open(const std::string& /*path*/) {
    return std::make_unique<MemorySnapshotStore>();
  }
};

struct OnDisk {
  static std::unique_ptr<SnapshotStore> Open(const std::string& path) {
    return OpenSnapshotStore(path).value();
  }
};

template <class Kind>
class PruneSupersededTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Write(Cut(1, 5));
    Write(Cut(2, 9));
    Write(Cut(3, 12));
    Write(Cut(4, 14));
    Write(Cut(5, 17));
    Image other = Cut(3, 12);
    other.name.place = PlaceId(1);
    Write(other);
  }
  void Write(const Image& image) { ASSERT_TRUE(store_->Write(image).ok()); }

  ScratchFolder folder_;
  std::unique_ptr<SnapshotStore> store_ = Kind::Open(folder_.path() + "/snapshots");
};

using Kinds = ::testing::Types<InMemory, OnDisk>;
TYPED_TEST_SUITE(PruneSupersededTest, Kinds);

TYPED_TEST(PruneSupersededTest, KeepsTheCommittedTheValidatedAndTheNewer) {
  ASSERT_TRUE(PruneSuperseded(ThreeDataEpochs(), {NameOf(4, 0, 1)}, this->store_.get()).ok());
  EXPECT_EQ(this->store_->List().value(),
            (std::vector{NameOf(2, 0, 1), NameOf(3, 1, 1), NameOf(4, 0, 1), NameOf(5, 0, 1)}));
}

TYPED_TEST(PruneSupersededTest, KeepsOnlyTheNewestCommittedWithoutBestEpoch) {
  Job job = ThreeDataEpochs();
  job.best_epoch = false;
  ASSERT_TRUE(PruneSuperseded(job, {NameOf(3, 0, 1), NameOf(4, 0, 1)}, this->store_.get()).ok());
  EXPECT_EQ(this->store_->List().value(),
            (std::vector{NameOf(3, 0, 1), NameOf(3, 1, 1), NameOf(4, 0, 1), NameOf(5, 0, 1)}));
}

TYPED_TEST(PruneSupersededTest, ReadsImagesWithoutTheirRows) {
  Image expected = this->store_->Read(NameOf(2, 0, 1)).value();
  for (TableImage& table : expected.tables) table.keys.clear(), table.rows.clear();
  EXPECT_EQ(this->store_->ReadWithoutRows(NameOf(2, 0, 1)).value(), expected);
  EXPECT_EQ(this->store_->ReadWithoutRows(NameOf(2, 0, 9)).status().code(),
            absl::StatusCode::kNotFound);
}

using PruneOnDiskTest = PruneSupersededTest<OnDisk>;

TEST_F(PruneOnDiskTest, LeavesADamagedImageAlone) {
  std::ofstream(folder_.path() + "/snapshots/3-0-1/manifest") << "damaged";
  ASSERT_TRUE(PruneSuperseded(ThreeDataEpochs(), {NameOf(4, 0, 1)}, store_.get()).ok());
  EXPECT_TRUE(std::filesystem::exists(folder_.path() + "/snapshots/3-0-1"));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/snapshots/1-0-1"));
}

}  // namespace
}  // namespace rubato
