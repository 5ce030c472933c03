// The frame of a main: how it ends.
#include "common/process/process.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/common/process/listening_socket.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

int End(const absl::StatusOr<int>& code) {
  CLI::App app;
  char name[] = "process_test";
  char* arguments[] = {name};
  return RunProcess({.app = &app,
                     .name = [](const Surroundings&) { return std::string("process_test"); },
                     .work = [&code](const Frame&) { return code; }},
                    1, arguments);
}

// From now on the first byte on standard output sends this process SIGTERM.
void LetOutputSendSigterm() {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
  ASSERT_EQ(fcntl(ends[0], F_SETOWN, getpid()), 0);
  ASSERT_EQ(fcntl(ends[0], F_SETSIG, SIGTERM), 0);
  ASSERT_EQ(fcntl(ends[0], F_SETFL, O_ASYNC), 0);
}

TEST(Process, ASignalDuringTheLastWordsCutsNothingOff) {
  const auto end = [] {
    LetOutputSendSigterm();
    _exit(End(absl::UnavailableError("the fleet is gone")));
  };
  EXPECT_EXIT(end(), testing::ExitedWithCode(kExitRetryable), "the fleet is gone");
}

TEST(Process, TheStatusDecidesTheCode) {
  EXPECT_EQ(End(kExitStopped), kExitStopped);
  EXPECT_EQ(End(absl::InvalidArgumentError("no such file")), kExitUsage);
}

TEST(Process, TellsItsManagerAndItsChildrenDoNot) {
  const ScratchFolder folder;
  const std::string path = folder.path() + "/notify";
  const ListeningSocket manager(path);
  setenv("NOTIFY_SOCKET", path.c_str(), 1);
  setenv("WATCHDOG_USEC", "1000000", 1);
  CLI::App app;
  char name[] = "process_test";
  char* arguments[] = {name};
  const auto work = [](const Frame& frame) -> absl::StatusOr<int> {
    EXPECT_EQ(std::getenv("NOTIFY_SOCKET"), nullptr);
    EXPECT_EQ(std::getenv("WATCHDOG_USEC"), nullptr);
    frame.notifier->Ready();
    return absl::UnavailableError("the fleet is gone");
  };
  RunProcess({.app = &app,
              .name = [](const Surroundings&) { return std::string("process_test"); },
              .work = work},
             1, arguments);
  EXPECT_EQ(manager.Heard(),
            (std::vector<std::string>{"READY=1", "STOPPING=1\nSTATUS=the fleet is gone"}));
}

}  // namespace
}  // namespace rubato
