// What we write under a name that somebody gave, and what may stand there.
#include "common/base/staged_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/scratch_folder.h"
#include "worker/data/prepare/run_folder.h"

namespace rubato {
namespace {

namespace fs = std::filesystem;

class StagedFileTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  std::string Read(const std::string& name) const {
    std::ifstream file(Path(name));
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  void ExpectRefused(const std::string& name, const std::string& words) const {
    const absl::Status status = WriteTextFile(Path(name), "new");
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), words)) << status;
  }
  // Names in the folder, so that leftovers are seen.
  size_t Entries() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_.path()), {}));
  }

  ScratchFolder folder_;
};

TEST_F(StagedFileTest, LinksAreFollowedAndStay) {
  fs::create_directory(Path("far"));
  ASSERT_TRUE(WriteTextFile(Path("far/real"), "old").ok());
  fs::create_symlink("far/hop", Path("link"));
  fs::create_symlink("real", Path("far/hop"));
  ASSERT_TRUE(WriteTextFile(Path("link"), "new").ok());
  EXPECT_EQ(fs::read_symlink(Path("link")), "far/hop");
  EXPECT_EQ(fs::read_symlink(Path("far/hop")), "real");
  EXPECT_EQ(Read("far/real"), "new");
  EXPECT_EQ(Entries(), 2u);
}

TEST_F(StagedFileTest, ALinkToNothingMakesWhatItNames) {
  fs::create_symlink("later", Path("link"));
  ASSERT_TRUE(WriteTextFile(Path("link"), "new").ok());
  EXPECT_TRUE(fs::is_symlink(Path("link")));
  EXPECT_EQ(Read("later"), "new");
}

TEST_F(StagedFileTest, LinksInACircleAreASentence) {
  fs::create_symlink("b", Path("a"));
  fs::create_symlink("a", Path("b"));
  EXPECT_FALSE(WriteTextFile(Path("a"), "new").ok());
  EXPECT_EQ(Entries(), 2u);
}

TEST_F(StagedFileTest, TheModeStays) {
  ASSERT_TRUE(WriteTextFile(Path("file"), "old").ok());
  fs::permissions(Path("file"), fs::perms(0640));
  ASSERT_TRUE(WriteTextFile(Path("file"), "new").ok());
  EXPECT_EQ(fs::status(Path("file")).permissions(), fs::perms(0640));
  EXPECT_EQ(Read("file"), "new");
}

TEST_F(StagedFileTest, APipeIsWrittenThrough) {
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  ExpectRefused("pipe", "pipe: nobody reads from it");
  const int reader = open(Path("pipe").c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_TRUE(WriteTextFile(Path("pipe"), "new").ok());
  char text[4] = {};
  EXPECT_EQ(read(reader, text, sizeof(text)), 3);
  EXPECT_STREQ(text, "new");
  close(reader);
  EXPECT_TRUE(fs::is_fifo(Path("pipe")));
  EXPECT_EQ(Entries(), 1u);
}

TEST_F(StagedFileTest, AFolderIsRefused) {
  fs::create_directory(Path("folder"));
  ExpectRefused("folder", "folder: is a folder");
}

TEST_F(StagedFileTest, WhatIsNotPublishedChangesNothing) {
  ASSERT_TRUE(WriteTextFile(Path("file"), "old").ok());
  {
    const auto file = StagedFile::Create(Path("file"));
    ASSERT_TRUE(file.ok() && (*file)->Write("new").ok());
  }
  EXPECT_EQ(Read("file"), "old");
  EXPECT_EQ(Entries(), 1u);
}

TEST_F(StagedFileTest, FoldersOfTheDeadAreRemovedAndThoseOfTheLivingStay) {
  for (const char* name : {"run.partial-1", "run.partial-2", "run.partial-copy", "x.partial-1"}) {
    fs::create_directory(Path(name));
    std::ofstream(Path(name) + "/rows") << "half";
  }
  const int living = open(Path("run.partial-2").c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(flock(living, LOCK_EX), 0);
  {
    const auto first = StagedFolder::Create(Path("run"));
    ASSERT_TRUE(first.ok()) << first.status();
    const auto second = StagedFolder::Create(Path("run"));
    ASSERT_TRUE(second.ok()) << second.status();
    EXPECT_NE((*first)->path(), (*second)->path());
    EXPECT_TRUE(fs::exists((*first)->path()));
    EXPECT_FALSE(fs::exists(Path("run.partial-1")));
    ASSERT_TRUE((*second)->Publish().ok());
  }
  close(living);
  EXPECT_TRUE(fs::exists(Path("run.partial-2/rows")));
  EXPECT_TRUE(fs::exists(Path("run.partial-copy/rows")));
  EXPECT_TRUE(fs::exists(Path("x.partial-1/rows")));
  EXPECT_TRUE(fs::exists(Path("run")));
  EXPECT_EQ(Entries(), 4u);
}

}  // namespace
}  // namespace rubato
