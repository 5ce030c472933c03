// errno as a sentence with advice, and as an exit code.
#include "common/base/system_error.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>
#include <string>

#include "common/base/open_files.h"
#include "common/base/status.h"
#include "common/base/thread.h"

namespace rubato {
namespace {

TEST(SystemError, SaysWhatWhereWhyAndWhatHelps) {
  EXPECT_EQ(FileError(EMFILE, "opening", "/x/y").message(),
            "opening /x/y failed: Too many open files; raise the limit on open files (ulimit -n)");
  EXPECT_EQ(SystemError(EAGAIN, "starting a thread").message(),
            "starting a thread failed: Resource temporarily unavailable; raise the limits on "
            "processes (ulimit -u) and memory (ulimit -v), or end some processes");
  EXPECT_EQ(SystemError(ENOTTY, "asking").message(),
            "asking failed: Inappropriate ioctl for device");
}

TEST(SystemError, TheCauseDecidesTheExitCode) {
  for (const int error : {EACCES, EPERM, EROFS, ENOTDIR, EISDIR, ENAMETOOLONG, ENOLCK}) {
    EXPECT_EQ(ExitCode(SystemError(error, "trying")), kExitUsage) << error;
  }
  for (const int error : {ENOSPC, EDQUOT, EMFILE, ENFILE, EAGAIN, ENOMEM}) {
    EXPECT_EQ(ExitCode(SystemError(error, "trying")), kExitRetryable) << error;
  }
  for (const int error : {ENOENT, EIO, ENOTTY}) {
    EXPECT_EQ(ExitCode(SystemError(error, "trying")), kExitFatal) << error;
  }
}

TEST(SystemError, IsFoundInTheWordsOfALibrary) {
  EXPECT_EQ(ErrorOfText("IO error: While open a file for appending: /x: Too many open files"),
            EMFILE);
  EXPECT_EQ(ErrorOfText("IO error: No space left on device: While appending to file: /x: "
                        "No space left on device"),
            ENOSPC);
  EXPECT_EQ(ErrorOfText("Corruption: block checksum mismatch"), 0);
}

TEST(OpenFiles, TooFewAreToldBeforeTheyAreNeeded) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few = before;
  few.rlim_cur = 64;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  EXPECT_TRUE(NeedOpenFiles(8, "this test").ok());
  const absl::Status status = NeedOpenFiles(64, "this test");
  EXPECT_EQ(ExitCode(status), kExitUsage);
  const std::string sentence(status.message());
  EXPECT_EQ(sentence.find("this test needs 64 more open files, and of the limit of 64 only "), 0U);
  EXPECT_NE(sentence.find("are left; raise the limit (ulimit -n)"), std::string::npos);
  RaiseOpenFileLimit();
  EXPECT_EQ(NeedOpenFiles(64, "this test").ok(), before.rlim_max >= 128);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(Threads, RunWhatTheyAreGiven) {
  bool ran = false;
  absl::StatusOr<std::thread> thread = StartThread([&ran] { ran = true; });
  ASSERT_TRUE(thread.ok());
  thread->join();
  EXPECT_TRUE(ran);
  EXPECT_TRUE(NeedThreads(3).ok());
}

}  // namespace
}  // namespace rubato
