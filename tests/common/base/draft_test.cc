// Drafts, and that all who write by them force to the disk what they promise.
#include "common/base/draft.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "common/base/durable_file.h"
#include "common/base/staged_file.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "server/snapshot/image_folder.h"
#include "tests/scratch_folder.h"
#include "worker/data/dataset/dataset_writer.h"
#include "worker/data/prepare/run_folder.h"

namespace rubato {
namespace {

namespace fs = std::filesystem;

// What was forced to the disk, by the path that it had then.
std::vector<std::string>* forced = nullptr;

}  // namespace
}  // namespace rubato

// Stands in for the C library's: a promise about crashes is kept by this call alone.
extern "C" int fsync(int fd) {
  std::array<char, 4096> path = {};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  if (rubato::forced != nullptr && readlink(link.c_str(), path.data(), path.size() - 1) > 0) {
    rubato::forced->push_back(path.data());
  }
  return static_cast<int>(syscall(SYS_fsync, fd));
}

namespace rubato {
namespace {

class DraftTest : public testing::Test {
 protected:
  DraftTest() { forced = &forced_; }
  ~DraftTest() override { forced = nullptr; }
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  size_t Entries() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_.path()), {}));
  }
  Draft NewFolder(const std::string& name, const std::string& path) const {
    fs::create_directory(Path(name));
    std::ofstream(Path(name) + "/file") << "new";
    return Draft(Path(name), Path(path),
                 FileDescriptor(open(Path(name).c_str(), O_RDONLY | O_DIRECTORY)));
  }
  // The draft at last, and then the folder that its name is in.
  void ExpectForced(const std::string& draft) {
    ASSERT_GE(forced_.size(), 2u);
    EXPECT_TRUE(absl::StartsWith(forced_[forced_.size() - 2], Path(draft)))
        << forced_[forced_.size() - 2];
    EXPECT_EQ(forced_.back(), folder_.path());
    forced_.clear();
  }

  const ScratchFolder folder_;
  std::vector<std::string> forced_;
};

TEST_F(DraftTest, AFileReplacesWhatStoodThere) {
  std::ofstream(Path("file")) << "old";
  absl::StatusOr<Draft> draft = Draft::OfFile(Path("file"), 0600);
  ASSERT_TRUE(draft.ok() && WriteAll(draft->fd(), "new", "").ok());
  EXPECT_EQ(ReadSmallFile(Path("file"), 10).value(), "old");
  ASSERT_TRUE(draft->Publish().ok());
  EXPECT_EQ(ReadSmallFile(Path("file"), 10).value(), "new");
  EXPECT_EQ(fs::status(Path("file")).permissions(), fs::perms(0600));
  EXPECT_EQ(Entries(), 1u);
}

TEST_F(DraftTest, GivenUpItLeavesNothing) {
  {
    absl::StatusOr<Draft> draft = Draft::OfFile(Path("file"), 0600);
    ASSERT_TRUE(draft.ok());
    const Draft moved = *std::move(draft);
    const Draft folder = NewFolder("draft", "folder");
    EXPECT_EQ(Entries(), 2u);
  }
  EXPECT_EQ(Entries(), 0u);
}

TEST_F(DraftTest, WhatACrashLeftIsReplacedAndNoLinkIsFollowed) {
  std::ofstream(Path("other")) << "kept";
  fs::create_symlink("other", Path(".file.part"));
  ASSERT_TRUE(WriteFileAtomically(Path("file"), "new").ok());
  ASSERT_TRUE(WriteFileAtomically(Path("file"), "newer").ok());
  EXPECT_EQ(ReadSmallFile(Path("other"), 10).value(), "kept");
  EXPECT_EQ(ReadSmallFile(Path("file"), 10).value(), "newer");
  EXPECT_EQ(Entries(), 2u);
}

TEST_F(DraftTest, AFolderReplacesAnEmptyOneOnly) {
  fs::create_directory(Path("empty"));
  ASSERT_TRUE(NewFolder("draft", "empty").Publish().ok());
  EXPECT_TRUE(fs::exists(Path("empty/file")));
  std::ofstream(Path("empty/other")) << "kept";
  EXPECT_TRUE(absl::IsAlreadyExists(NewFolder("draft", "empty").Publish()));
  EXPECT_TRUE(fs::exists(Path("empty/other")));
  EXPECT_EQ(Entries(), 1u);
}

TEST_F(DraftTest, WhatStandsInTheWayIsASentence) {
  fs::create_directory(Path(".file.part"));
  const absl::Status status = Draft::OfFile(Path("file"), 0600).status();
  EXPECT_TRUE(absl::StrContains(status.message(), ".file.part failed: Is a directory; ")) << status;
  EXPECT_TRUE(absl::IsNotFound(Draft::OfFile(Path("none/file"), 0600).status()));
}

TEST_F(DraftTest, FilesAreForcedAndThenTheirNames) {
  ASSERT_TRUE(WriteFileAtomically(Path("state"), "new").ok());
  ExpectForced(".state.part");
  ASSERT_TRUE(WriteTextFile(Path("text"), "new").ok());
  ExpectForced(".text.part");
  DatasetShape shape;
  shape.numeric_columns = 1;
  const auto rows = DatasetWriter::Create(Path("rows"), shape);
  ASSERT_TRUE(rows.ok() && (*rows)->Finish().ok());
  ExpectForced(".rows.part");
}

TEST_F(DraftTest, FoldersAreForcedAndThenTheirNames) {
  const auto run = StagedFolder::Create(Path("run"));
  ASSERT_TRUE(run.ok() && (*run)->Publish().ok());
  ExpectForced("run.partial-");
  const auto image = ImageDraft::Begin(folder_.path(), {SnapshotNumber(9), PlaceId(0), Life(1)});
  ASSERT_TRUE(image.ok() && (*image)->Publish().ok());
  ExpectForced(".draft-");
}

}  // namespace
}  // namespace rubato
