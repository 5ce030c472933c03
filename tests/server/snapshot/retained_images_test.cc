// What stays on the disk when newer snapshots are committed.
#include "server/snapshot/retained_images.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/server/snapshot/memory_snapshot_store.h"
#include "tests/server/snapshot/snapshot_fixture.h"

namespace rubato {
namespace {

TEST(Withdrawn, IsASnapshotThatIsNeitherOpenNorMayBeCommitted) {
  View view;
  view.committed.number = SnapshotNumber(4);
  EXPECT_TRUE(Withdrawn(view, SnapshotNumber(6)));
  view.cut = OpenCut{SnapshotNumber(6), Clock(20), true};
  EXPECT_TRUE(Withdrawn(view, SnapshotNumber(5)));
  EXPECT_FALSE(Withdrawn(view, SnapshotNumber(6)));
  EXPECT_FALSE(Withdrawn(view, SnapshotNumber(4)));
  EXPECT_FALSE(Withdrawn(view, SnapshotNumber(3)));  // committed, perhaps, before snapshot 4 was
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
    for (const ImageName& name : {NameOf(1, 0, 1), NameOf(2, 0, 1), NameOf(3, 0, 1),
                                  NameOf(3, 1, 2), NameOf(4, 0, 1), NameOf(5, 0, 1)}) {
      ASSERT_TRUE(store_->Write(RandomImage(name, 20, 1)).ok());
    }
    view_.committed = {SnapshotNumber(4), Clock(14), Generation(0), {NameOf(4, 0, 1)}};
  }

  // The image of `snapshot` is now one that rests on that of `base`.
  void Rest(uint64_t snapshot, uint64_t base, uint32_t depth) {
    ASSERT_TRUE(store_->Remove(NameOf(snapshot, 0, 1)).ok());
    Image image = RandomImage(NameOf(snapshot, 0, 1), 20, 1);
    image.base = NameOf(base, 0, 1);
    image.depth = depth;
    ASSERT_TRUE(store_->Write(image).ok());
  }

  ScratchFolder folder_;
  const std::string path_ = folder_.path() + "/snapshots";
  std::unique_ptr<SnapshotStore> store_ = Kind::Open(path_);
  View view_;
};

using Kinds = ::testing::Types<InMemory, OnDisk>;
TYPED_TEST_SUITE(PruneSupersededTest, Kinds);

TYPED_TEST(PruneSupersededTest, LeavesWhatTheViewKeepsAndWhatIsNewerOrOfOtherPlaces) {
  this->view_.kept = {SnapshotNumber(2)};
  ASSERT_TRUE(PruneSuperseded(this->view_, PlaceId(0), this->store_.get()).ok());
  EXPECT_EQ(this->store_->List().value(),
            (std::vector{NameOf(2, 0, 1), NameOf(3, 1, 2), NameOf(4, 0, 1), NameOf(5, 0, 1)}));
}

// 4 rests on 3 and that on 1; nothing rests on 2.
TYPED_TEST(PruneSupersededTest, LeavesWhatAnImageThatStaysRestsOn) {
  this->Rest(3, 1, 1);
  this->Rest(4, 3, 2);
  ASSERT_TRUE(PruneSuperseded(this->view_, PlaceId(0), this->store_.get()).ok());
  EXPECT_EQ(this->store_->List().value(),
            (std::vector{NameOf(1, 0, 1), NameOf(3, 0, 1), NameOf(3, 1, 2), NameOf(4, 0, 1),
                         NameOf(5, 0, 1)}));
  EXPECT_EQ(this->store_->Read(NameOf(4, 0, 1))->tables.size(), 9U);
}

TYPED_TEST(PruneSupersededTest, RemovesNothingBeforeAnythingIsCommitted) {
  this->view_.committed = {};
  ASSERT_TRUE(PruneSuperseded(this->view_, PlaceId(0), this->store_.get()).ok());
  EXPECT_EQ(this->store_->List()->size(), 6U);
}

using PruneOnDiskTest = PruneSupersededTest<OnDisk>;

// A disk that fails for a moment says that a manifest is damaged.
TEST_F(PruneOnDiskTest, LeavesAllThatAnImageMayRestOnWhoseChainCannotBeRead) {
  Rest(3, 1, 1);
  Rest(4, 3, 2);
  const std::string manifest = path_ + "/3-0-1/manifest";
  std::filesystem::rename(manifest, path_ + "/3-0-1/away");
  ASSERT_TRUE(PruneSuperseded(view_, PlaceId(0), store_.get()).ok());
  std::filesystem::rename(path_ + "/3-0-1/away", manifest);
  EXPECT_EQ(store_->Read(NameOf(4, 0, 1))->tables.size(), 9U);
  ASSERT_TRUE(PruneSuperseded(view_, PlaceId(0), store_.get()).ok());
  EXPECT_EQ(store_->List()->size(), 5U) << "2-0-1 is gone";
}

TEST_F(PruneOnDiskTest, DoesNotLookAtImagesOfOtherPlaces) {
  view_.kept = {SnapshotNumber(3)};
  std::filesystem::remove(path_ + "/3-1-2/manifest");
  std::filesystem::create_symlink("manifest", path_ + "/3-1-2/manifest");
  ASSERT_TRUE(PruneSuperseded(view_, PlaceId(0), store_.get()).ok());
  EXPECT_EQ(store_->List()->size(), 4U) << "1-0-1 and 2-0-1 are gone";
}

}  // namespace
}  // namespace rubato
