// What the store on disk does when the disk, its files or its process fail: an error with a
// sentence and the older images as they were, never a crash and never wrong rows.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "server/snapshot/image_folder.h"
#include "server/snapshot/snapshot_store.h"
#include "tests/server/snapshot/snapshot_fixture.h"

namespace rubato {
namespace {

std::string Slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void Spill(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::unique_ptr<SnapshotStore> OpenAt(const std::string& path) {
  auto store = OpenSnapshotStore(path);
  EXPECT_TRUE(store.ok()) << store.status();
  return std::move(store).value();
}

// Entries of the store that are neither its lock nor an image.
std::vector<std::string> DraftsIn(const std::string& path) {
  std::vector<std::string> drafts;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    const std::string name = entry.path().filename().string();
    if (name != ".lock" && !ParseImageFolderName(name)) drafts.push_back(name);
  }
  return drafts;
}

class SnapshotDamageTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(store_->Write(image_).ok()); }

  void ExpectDataLoss(const std::string& what) {
    const auto read = store_->Read(image_.name);
    ASSERT_EQ(read.status().code(), absl::StatusCode::kDataLoss) << what << ": " << read.status();
    EXPECT_NE(read.status().message().find(folder_), std::string::npos) << read.status();
    EXPECT_NE(read.status().message().find("restore"), std::string::npos) << read.status();
  }

  ScratchFolder scratch_;
  const std::string path_ = scratch_.path() + "/snapshots";
  const std::unique_ptr<SnapshotStore> store_ = OpenAt(path_);
  const Image image_ = RandomImage(NameOf(3, 1, 2), 300, 1);
  const std::string folder_ = path_ + "/3-1-2";
  const std::vector<std::string> files_ = {folder_ + "/manifest", folder_ + "/rows-00000.sst"};
};

TEST_F(SnapshotDamageTest, CutFilesAreDataLoss) {
  for (const std::string& file : files_) {
    const std::string good = Slurp(file);
    for (size_t size = 0; size < good.size(); size += 1 + good.size() / 200) {
      Spill(file, good.substr(0, size));
      ExpectDataLoss(file + " cut to " + std::to_string(size));
    }
    Spill(file, good.substr(0, good.size() - 1));
    ExpectDataLoss(file + " without its last byte");
    Spill(file, good + '\0');
    ExpectDataLoss(file + " with a byte more");
    Spill(file, good);
  }
  EXPECT_EQ(store_->Read(image_.name).value(), image_);
}

TEST_F(SnapshotDamageTest, FlippedBitsAreDataLoss) {
  for (const std::string& file : files_) {
    const std::string good = Slurp(file);
    for (size_t bit = 0; bit < 8 * good.size(); bit += 1 + good.size() / 50) {
      std::string bad = good;
      bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
      Spill(file, bad);
      ExpectDataLoss(file + " bit " + std::to_string(bit));
    }
    Spill(file, good);
  }
  EXPECT_EQ(store_->Read(image_.name).value(), image_);
}

// A full image and two that rest on it, beside image_.
class DamagedChainTest : public SnapshotDamageTest {
 protected:
  void SetUp() override {
    SnapshotDamageTest::SetUp();
    const char* rows = getenv("RUBATO_DAMAGE_ROWS");
    for (uint32_t depth = 0; depth < 3; ++depth) {
      const uint64_t count = rows == nullptr ? 100 : std::stoull(rows);
      Image image = RandomImage(NameOf(4 + depth, 1, 2), count, 5);
      image.depth = depth;
      if (depth > 0) image.base = NameOf(3 + depth, 1, 2);
      ASSERT_TRUE(store_->Write(image).ok());
      chain_.push_back(store_->Read(image.name).value());
    }
  }

  // The newest image is neither loaded nor called whole while `file` has these bytes.
  void ExpectDetected(const std::string& file, const std::string& bytes) {
    Spill(file, bytes);
    ++tried_;
    const ImageName& newest = chain_.back().name;
    const bool refused = absl::IsDataLoss(store_->Read(newest).status());
    const bool told = absl::IsDataLoss(VerifyImage(path_, newest));
    EXPECT_TRUE(refused && told) << file << ", damage " << tried_;
    if (refused && told) ++detected_;
  }
  // While something of chain_[damaged] is damaged.
  void ExpectOlderWhole(size_t damaged) {
    EXPECT_TRUE(store_->Read(image_.name).value() == image_);
    for (size_t i = 0; i < damaged; ++i) {
      EXPECT_TRUE(store_->Read(chain_[i].name).value() == chain_[i]) << i;
    }
  }

  std::vector<Image> chain_;  // as they are read
  size_t tried_ = 0;
  size_t detected_ = 0;
};

// Every file, cut at each 512 bytes and with a bit flipped in each 4 KiB. (With
// RUBATO_DAMAGE_ROWS=20000 in files of 1.4 MiB, in a minute.)
TEST_F(DamagedChainTest, AnyDamageIsDataLoss) {
  size_t files = 0;
  for (size_t i = 0; i < chain_.size(); ++i) {
    const std::string folder = path_ + "/" + ImageFolderName(chain_[i].name);
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string file = entry.path().string();
      const std::string good = Slurp(file);
      ++files;
      for (size_t size = 0; size < good.size(); size += 512) {
        ExpectDetected(file, good.substr(0, size));
      }
      for (size_t at = 0; at < good.size(); at += 4096) {
        const size_t byte = std::min(good.size() - 1, at + at / 4096 * 37 % 4096);
        std::string bad = good;
        bad[byte] = static_cast<char>(bad[byte] ^ (1 << (at / 4096 % 8)));
        ExpectDetected(file, bad);
      }
      ExpectOlderWhole(i);
      Spill(file, good);
    }
  }
  EXPECT_GE(files, 6U);
  EXPECT_EQ(detected_, tried_);
  EXPECT_EQ(chain_.back().tables.size(), 9U);
  EXPECT_TRUE(store_->Read(chain_.back().name).value() == chain_.back());
  std::cout << files << " files, " << tried_ << " damages, " << detected_ << " detected\n";
}

// An image on top of another one than it was written for.
TEST_F(SnapshotDamageTest, AForeignBaseIsDataLoss) {
  Image other = RandomImage(NameOf(4, 1, 2), 300, 2);
  other.base = image_.name;
  other.depth = 1;
  ASSERT_TRUE(store_->Write(other).ok());
  EXPECT_TRUE(absl::IsDataLoss(store_->Read(other.name).status())) << "of another job";
  other = RandomImage(NameOf(5, 1, 2), 300, 1);
  other.base = NameOf(2, 1, 2);
  other.depth = 1;
  ASSERT_TRUE(store_->Write(other).ok());
  EXPECT_TRUE(absl::IsDataLoss(store_->Read(other.name).status())) << "that is not there";
}

TEST_F(SnapshotDamageTest, MissingAndForeignFilesAreDataLoss) {
  for (const std::string& file : files_) {
    const std::string good = Slurp(file);
    ASSERT_EQ(unlink(file.c_str()), 0);
    ExpectDataLoss(file + " missing");
    ASSERT_TRUE(std::filesystem::create_directory(file));
    ExpectDataLoss(file + " a folder");
    ASSERT_EQ(rmdir(file.c_str()), 0);
    Spill(scratch_.path() + "/elsewhere", good);
    ASSERT_EQ(symlink((scratch_.path() + "/elsewhere").c_str(), file.c_str()), 0);
    EXPECT_FALSE(store_->Read(image_.name).ok()) << "a link out of the store";
    ASSERT_EQ(unlink(file.c_str()), 0);
    Spill(file, good);
  }
  const Image other = RandomImage(NameOf(4, 1, 2), 300, 2);
  ASSERT_TRUE(store_->Write(other).ok());
  Spill(files_[1], Slurp(path_ + "/4-1-2/rows-00000.sst"));
  ExpectDataLoss("rows of another image");
  std::filesystem::rename(path_ + "/4-1-2", path_ + "/5-1-2");
  EXPECT_EQ(store_->Read(NameOf(5, 1, 2)).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(SnapshotDamageTest, VerifyNamesTheDamagedFile) {
  for (const std::string& file : files_) {
    const std::string good = Slurp(file);
    EXPECT_TRUE(VerifyImage(path_, image_.name).ok());
    std::string bad = good;
    bad[bad.size() / 2] ^= 1;
    Spill(file, bad);
    absl::Status status = VerifyImage(path_, image_.name);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_NE(status.message().find(file), std::string::npos) << status;
    ASSERT_EQ(unlink(file.c_str()), 0);
    status = VerifyImage(path_, image_.name);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_NE(status.message().find(file), std::string::npos) << status;
    Spill(file, good);
  }
  EXPECT_EQ(VerifyImage(path_, NameOf(9, 1, 2)).code(), absl::StatusCode::kDataLoss);
}

TEST_F(SnapshotDamageTest, AReaderChangesNothing) {
  std::filesystem::create_directories(path_ + "/.draft-dead01");
  const auto reader = OpenSnapshotStoreToRead(path_);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->Read(image_.name).value(), image_);
  EXPECT_EQ((*reader)->Remove(image_.name).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ((*reader)->Write(RandomImage(NameOf(9, 1, 2), 1, 1)).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(DraftsIn(path_).size(), 1U);
  EXPECT_EQ(store_->List().value(), std::vector{image_.name});
  EXPECT_EQ(OpenSnapshotStoreToRead(path_ + "/none").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(SnapshotDamageTest, OpeningRemovesWhatADeadWriterLeft) {
  std::filesystem::create_directories(path_ + "/.draft-dead01/deep");
  Spill(path_ + "/.draft-dead01/rows-00000.sst", "half");
  EXPECT_EQ(store_->List().value(), std::vector{image_.name});
  const auto again = OpenAt(path_);
  EXPECT_TRUE(DraftsIn(path_).empty());
  EXPECT_EQ(again->Read(image_.name).value(), image_);
}

TEST_F(SnapshotDamageTest, OpeningLeavesWhatALivingWriterWrites) {
  const auto draft = ImageDraft::Begin(path_, {SnapshotNumber(9), PlaceId(0), Life(1)});
  ASSERT_TRUE(draft.ok()) << draft.status();
  OpenAt(path_);
  EXPECT_EQ(DraftsIn(path_).size(), 1U);
}

TEST_F(SnapshotDamageTest, ForeignFilesInTheStoreAreLeftAlone) {
  for (const char* name : {"README", "3-1", "03-1-2", "3-1-2-4", "-1-1-1", "3-1-x", "+3-1-2"}) {
    std::filesystem::create_directory(path_ + "/" + name);
  }
  const auto again = OpenAt(path_);
  EXPECT_EQ(again->List().value(), std::vector{image_.name});
  EXPECT_TRUE(std::filesystem::exists(path_ + "/README"));
}

// A child that writes images one after the other, saying so in a byte each, until it is killed.
class Writer {
 public:
  explicit Writer(const std::string& path) {
    if (pipe(ends_) != 0 || (child_ = fork()) < 0) ADD_FAILURE() << "cannot start a child";
    if (child_ != 0) return;
    const auto store = OpenSnapshotStore(path);
    for (uint8_t snapshot = kFirst; store.ok(); ++snapshot) {
      if (!(*store)->Write(ImageOf(snapshot)).ok() || write(ends_[1], &snapshot, 1) != 1) break;
    }
    _exit(1);
  }
  // Number of the next image that it has written.
  uint8_t Next() {
    uint8_t snapshot = 0;
    EXPECT_EQ(read(ends_[0], &snapshot, 1), 1);
    return snapshot;
  }
  // Number of the last image that it said it had written.
  uint8_t Kill(uint8_t last) {
    kill(child_, SIGKILL);
    int how = 0;
    EXPECT_EQ(waitpid(child_, &how, 0), child_);
    EXPECT_TRUE(WIFSIGNALED(how)) << "the writer failed by itself";
    close(ends_[1]);
    while (read(ends_[0], &last, 1) == 1) continue;
    close(ends_[0]);
    return last;
  }
  static Image ImageOf(uint64_t snapshot) {
    return RandomImage(NameOf(snapshot, 1, 2), 20000, snapshot);
  }
  static constexpr uint8_t kFirst = 10;

 private:
  int ends_[2] = {-1, -1};
  pid_t child_ = -1;
};

TEST_F(SnapshotDamageTest, KilledWritersLeaveWholeImagesOnly) {
  for (int round = 0; round < 20; ++round) {
    Writer writer(path_);
    const uint8_t first = writer.Next();
    for (int pause = 0; pause < 10 * round; ++pause) EXPECT_TRUE(store_->List().ok());
    const uint8_t last = writer.Kill(first);
    const auto store = OpenAt(path_);
    EXPECT_TRUE(DraftsIn(path_).empty());
    const std::vector<ImageName> names = store->List().value();
    EXPECT_GE(names.size(), size_t{last} - Writer::kFirst + 2) << "what was said to be written";
    for (const ImageName& name : names) {
      if (name == image_.name) continue;
      const auto read = store->Read(name);
      ASSERT_TRUE(read.ok()) << read.status();
      EXPECT_TRUE(*read == Writer::ImageOf(name.snapshot.value()));
    }
    for (const ImageName& name : names) {
      if (name == image_.name) continue;
      ASSERT_TRUE(store->Remove(name).ok());
    }
  }
}

// Full disks -------------------------------------------------------------------------------------

// Lets files grow to `bytes` only: the write that would go further fails as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_ = {};
};

TEST_F(SnapshotDamageTest, WritesThatFailAnywhereLeaveNothing) {
  const Image image = RandomImage(NameOf(4, 1, 2), 40000, 2);  // 2.8 MiB
  size_t failures = 0;
  for (rlim_t limit = 0; limit < (3U << 20); limit += 37 * 1024) {
    const FileSizeLimit full(limit);
    if (store_->Write(image).ok()) break;
    ++failures;
    EXPECT_TRUE(DraftsIn(path_).empty()) << "limit " << limit;
  }
  EXPECT_GT(failures, 50U);
  EXPECT_EQ(store_->Read(image.name).value(), image);
  EXPECT_EQ(store_->Read(image_.name).value(), image_);
}

// A file system of its own in memory, if this user may mount one.
class MountedFolder {
 public:
  MountedFolder(const char* kind, const char* options) {
    error_ = mount(kind, folder_.path().c_str(), kind, 0, options) == 0 ? 0 : errno;
  }
  ~MountedFolder() {
    if (error_ == 0) umount2(folder_.path().c_str(), MNT_DETACH);
  }
  MountedFolder(const MountedFolder&) = delete;
  MountedFolder& operator=(const MountedFolder&) = delete;
  bool mounted() const { return error_ == 0; }
  std::string path() const { return folder_.path() + "/snapshots"; }

 private:
  ScratchFolder folder_;
  int error_ = 0;
};

TEST(SnapshotOnFullDisk, IsRefusedWithASentence) {
  const MountedFolder disk("tmpfs", "size=8m");
  if (!disk.mounted()) GTEST_SKIP() << "mounting a small tmpfs needs root";
  const auto store = OpenAt(disk.path());
  const Image small = RandomImage(NameOf(1, 0, 1), 30000, 1);  // 2.1 MiB
  ASSERT_TRUE(store->Write(small).ok());
  const absl::Status status = store->Write(RandomImage(NameOf(2, 0, 1), 90000, 2));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_NE(status.message().find("2-0-1"), std::string::npos) << status;
  EXPECT_NE(status.message().find("needs 64"), std::string::npos) << status;
  EXPECT_TRUE(DraftsIn(disk.path()).empty());
  EXPECT_EQ(store->Read(small.name).value(), small);
}

// Each of two images has room, both have not: the disk fills while they are being written.
TEST(SnapshotOnFullDisk, LeavesOlderImagesWhenItFillsMeanwhile) {
  const MountedFolder disk("tmpfs", "size=10m");
  if (!disk.mounted()) GTEST_SKIP() << "mounting a small tmpfs needs root";
  const auto store = OpenAt(disk.path());
  const Image old = RandomImage(NameOf(1, 0, 1), 30000, 1);  // 2.1 MiB
  ASSERT_TRUE(store->Write(old).ok());
  const Image images[] = {RandomImage(NameOf(2, 0, 1), 90000, 2),  // 6.4 MiB each
                          RandomImage(NameOf(2, 1, 2), 90000, 3)};
  for (int round = 0; round < 10; ++round) {
    absl::Status results[2];
    std::thread other([&] { results[1] = store->Write(images[1]); });
    results[0] = store->Write(images[0]);
    other.join();
    EXPECT_FALSE(results[0].ok() && results[1].ok());
    for (int i = 0; i < 2; ++i) {
      if (results[i].ok()) continue;
      EXPECT_EQ(results[i].code(), absl::StatusCode::kUnavailable) << results[i];
      EXPECT_EQ(store->Read(images[i].name).status().code(), absl::StatusCode::kNotFound);
    }
    EXPECT_TRUE(DraftsIn(disk.path()).empty());
    const std::vector<ImageName> present = store->List().value();
    for (const ImageName& name : present) {
      EXPECT_TRUE(VerifyImage(disk.path(), name).ok());
    }
    EXPECT_EQ(store->Read(old.name).value(), old);
    for (const Image& image : images) {
      ASSERT_TRUE(RemoveImageFolder(disk.path(), image.name).ok());
    }
  }
}

// ramfs has no O_DIRECT and does not say how much room it has.
TEST(SnapshotOnSimpleFileSystem, IsWrittenThroughThePageCache) {
  const MountedFolder disk("ramfs", "");
  if (!disk.mounted()) GTEST_SKIP() << "mounting a ramfs needs root";
  const auto store = OpenAt(disk.path());
  const Image image = RandomImage(NameOf(1, 0, 1), 30000, 1);
  ASSERT_TRUE(store->Write(image).ok());
  EXPECT_EQ(store->Read(image.name).value(), image);
}

}  // namespace
}  // namespace rubato
