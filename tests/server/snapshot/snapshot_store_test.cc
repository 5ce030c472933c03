// What both stores promise alike.
#include "server/snapshot/snapshot_store.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/sanitizers.h"
#include "tests/server/snapshot/memory_snapshot_store.h"
#include "tests/server/snapshot/snapshot_fixture.h"

namespace rubato {
namespace {

struct InMemory {
  static std::unique_ptr<SnapshotStore> Open(const std::string& /*path*/) {
    return std::make_unique<MemorySnapshotStore>();
  }
};

struct OnDisk {
  static std::unique_ptr<SnapshotStore> Open(const std::string& path) {
    auto store = OpenSnapshotStore(path);
    EXPECT_TRUE(store.ok()) << store.status();
    return std::move(store).value();
  }
};

template <class Kind>
class SnapshotStoreTest : public ::testing::Test {
 protected:
  // A small image, written.
  Image Keep(uint64_t snapshot, uint32_t place, uint64_t life_number) {
    Image image = RandomImage(NameOf(snapshot, place, life_number), 20, snapshot * 100 + place);
    EXPECT_TRUE(store_->Write(image).ok());
    return image;
  }
  std::vector<ImageName> Listed() { return store_->List().value(); }

  ScratchFolder folder_;
  std::unique_ptr<SnapshotStore> store_ = Kind::Open(folder_.path() + "/snapshots");
};

using Kinds = ::testing::Types<InMemory, OnDisk>;
TYPED_TEST_SUITE(SnapshotStoreTest, Kinds);

TYPED_TEST(SnapshotStoreTest, StartsEmpty) {
  EXPECT_TRUE(this->Listed().empty());
  EXPECT_EQ(this->store_->Read(NameOf(1, 0, 1)).status().code(), absl::StatusCode::kNotFound);
}

TYPED_TEST(SnapshotStoreTest, GivesBackWhatWasWritten) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    const Image image = RandomImage(NameOf(seed, 2, 9), seed * seed, seed);
    ASSERT_TRUE(this->store_->Write(image).ok());
    const auto read = this->store_->Read(image.name);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, image) << "seed " << seed;
  }
}

TYPED_TEST(SnapshotStoreTest, TakesImagesWithoutTablesAndWithoutFloats) {
  Image image = ImageWithoutTables(NameOf(1, 0, 1));
  ASSERT_TRUE(this->store_->Write(image).ok());
  EXPECT_EQ(this->store_->Read(image.name).value(), image);
  image.name.snapshot = SnapshotNumber(2);
  image.tables.push_back({TableId(3), 0, {RowKey(1), RowKey(~uint64_t{0})}, {}});
  ASSERT_TRUE(this->store_->Write(image).ok());
  EXPECT_EQ(this->store_->Read(image.name).value(), image);
}

// Columns that end just before, at and just after the borders of chunks (1 MiB) and files (32 of
// them: 458752 rows have 4 chunks of keys and 28 of rows).
TYPED_TEST(SnapshotStoreTest, GivesBackColumnsOfEveryLength) {
  uint64_t snapshot = 0;
  for (const uint64_t rows : {131071U, 131072U, 131073U, 458752U, 1'000'000U}) {
    Image image = ImageWithoutTables(NameOf(++snapshot, 0, 1));
    Rng rng(rows);
    image.tables = {RandomTable(1, rows, 16, &rng), RandomTable(2, 3, 1, &rng)};
    ASSERT_TRUE(this->store_->Write(image).ok());
    const auto read = this->store_->Read(image.name);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(*read == image) << rows << " rows";
  }
}

TYPED_TEST(SnapshotStoreTest, ListsInOrderOfNames) {
  for (const uint64_t snapshot : {10U, 9U, 2U}) this->Keep(snapshot, 1, 3);
  this->Keep(9, 0, 8);
  EXPECT_EQ(this->Listed(),
            (std::vector{NameOf(2, 1, 3), NameOf(9, 0, 8), NameOf(9, 1, 3), NameOf(10, 1, 3)}));
}

TYPED_TEST(SnapshotStoreTest, NeverReplacesAnImage) {
  const Image first = this->Keep(3, 1, 2);
  const Image second = RandomImage(first.name, 50, 77);
  EXPECT_EQ(this->store_->Write(second).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(this->store_->Read(first.name).value(), first);
}

TYPED_TEST(SnapshotStoreTest, RemovesOneImage) {
  const Image kept = this->Keep(2, 0, 1);
  const Image removed = this->Keep(2, 0, 2);
  ASSERT_TRUE(this->store_->Remove(removed.name).ok());
  ASSERT_TRUE(this->store_->Remove(removed.name).ok());  // not there any more
  EXPECT_EQ(this->Listed(), std::vector{kept.name});
  EXPECT_EQ(this->store_->Read(removed.name).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(this->store_->Read(kept.name).value(), kept);
}

// Each shard writes, reads back and removes its own images; none disturbs another.
TYPED_TEST(SnapshotStoreTest, ServesShardsAtOnce) {
  const auto shard = [&](uint32_t place) {
    for (uint64_t snapshot = 1; snapshot <= 8; ++snapshot) {
      const Image image = RandomImage(NameOf(snapshot, place, 1), 3000, snapshot * 10 + place);
      ASSERT_TRUE(this->store_->Write(image).ok());
      ASSERT_TRUE(this->store_->List().ok());
      const auto read = this->store_->Read(image.name);
      ASSERT_TRUE(read.ok()) << read.status();
      EXPECT_TRUE(*read == image);
      ASSERT_TRUE(this->store_->Remove(NameOf(snapshot - 1, place, 1)).ok());
    }
  };
  std::thread first(shard, 0);
  std::thread second(shard, 1);
  first.join();
  second.join();
  EXPECT_EQ(this->Listed(), (std::vector{NameOf(8, 0, 1), NameOf(8, 1, 1)}));
}

class DiskStoreTest : public SnapshotStoreTest<OnDisk> {
 protected:
  std::string path_ = folder_.path() + "/snapshots";
};

TEST_F(DiskStoreTest, StaysWhenTheStoreIsOpenedAgain) {
  const Image image = Keep(4, 1, 2);
  store_ = OnDisk::Open(path_);
  EXPECT_EQ(store_->Read(image.name).value(), image);
}

TEST_F(DiskStoreTest, IsForItsUserOnly) {
  const Image image = Keep(4, 1, 2);
  struct stat info = {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
  ASSERT_EQ(stat((path_ + "/4-1-2").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
  const auto slash = OpenSnapshotStore(folder_.path() + "/a/b/");
  ASSERT_TRUE(slash.ok());
  ASSERT_EQ(stat((folder_.path() + "/a/b").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

// RocksDB puts no log, lock or other file of its own beside ours.
TEST_F(DiskStoreTest, HoldsItsOwnFilesAndNothingElse) {
  Keep(4, 1, 2);
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
    files.push_back(std::filesystem::relative(entry.path(), path_).string());
  }
  std::sort(files.begin(), files.end());
  EXPECT_EQ(files,
            (std::vector<std::string>{".lock", "4-1-2", "4-1-2/manifest", "4-1-2/rows-00000.sst"}));
}

TEST_F(DiskStoreTest, SaysWhatIsWrongWithItsFolder) {
  const std::string file = folder_.path() + "/file";
  ASSERT_EQ(mknod(file.c_str(), S_IFREG | 0600, 0), 0);
  const auto status = OpenSnapshotStore(file).status();
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find(file), std::string::npos) << status;
}

// Peak memory of this process, in bytes.
uint64_t PeakBytes() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

TEST_F(DiskStoreTest, WritingNeedsNoSecondCopyOfTheImage) {
#if defined(RUBATO_ASAN) || defined(RUBATO_TSAN)
  GTEST_SKIP() << "sanitizers keep freed memory";
#endif
  Image image = ImageWithoutTables(NameOf(1, 0, 1));
  image.tables = {{TableId(1), 16, std::vector<RowKey>(2 << 20), {}}};
  image.tables[0].rows.resize(32 << 20, 1.0F);  // 144 MiB in all
  // In a child, whose peak starts at what it has now.
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const uint64_t before = PeakBytes();
    const bool written = store_->Write(image).ok();
    _exit(written && PeakBytes() - before < (24U << 20) ? 0 : 1);
  }
  int how = 0;
  ASSERT_EQ(waitpid(child, &how, 0), child);
  EXPECT_EQ(how, 0);
  EXPECT_EQ(Listed(), std::vector{image.name});
}

TEST_F(DiskStoreTest, OpensForSeveralAtOnce) {
  const auto other = OnDisk::Open(path_);
  const Image image = Keep(4, 1, 2);
  EXPECT_EQ(other->Read(image.name).value(), image);
}

}  // namespace
}  // namespace rubato
