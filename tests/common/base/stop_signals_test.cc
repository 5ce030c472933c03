#include "common/base/stop_signals.h"

#include <signal.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace rubato {
namespace {

// Whoever runs the tests may ignore signals.
class StopSignalsTest : public testing::Test {
 public:
  StopSignalsTest() {
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) signal(number, SIG_DFL);
  }
};

TEST_F(StopSignalsTest, CountsWhatArrivesInsteadOfDying) {
  auto signals = StopSignals::Catch();
  ASSERT_TRUE(signals.ok()) << signals.status();
  EXPECT_EQ((*signals)->Count(), 0);
  EXPECT_EQ((*signals)->last(), 0);
  EXPECT_TRUE((*signals)->GoOn().ok());
  ASSERT_EQ(raise(SIGTERM), 0);
  EXPECT_EQ((*signals)->Count(), 1);
  EXPECT_EQ((*signals)->last(), SIGTERM);
  ASSERT_EQ(raise(SIGINT), 0);
  EXPECT_EQ((*signals)->Count(), 2);
  EXPECT_EQ((*signals)->last(), SIGINT);
  EXPECT_EQ((*signals)->GoOn(), absl::CancelledError("stopped by SIGINT"));
  EXPECT_EQ((*signals)->Count(), 2);
}

TEST_F(StopSignalsTest, AnOrderIsAsTheSignal) {
  auto signals = StopSignals::Catch();
  ASSERT_TRUE(signals.ok()) << signals.status();
  (*signals)->Order(SIGUSR1);
  EXPECT_EQ((*signals)->Wishes(), 1);
  EXPECT_EQ((*signals)->Count(), 0);
  (*signals)->Order(SIGTERM);
  EXPECT_EQ((*signals)->Count(), 1);
  EXPECT_EQ((*signals)->last(), SIGTERM);
}

// It would hang here if the signal did not end the wait.
TEST_F(StopSignalsTest, ASignalThatIsThereEndsAWaitAtOnce) {
  auto signals = StopSignals::Catch();
  ASSERT_TRUE(signals.ok()) << signals.status();
  ASSERT_EQ(raise(SIGTERM), 0);
  (*signals)->Wait(Duration::Seconds(1e6));
  EXPECT_EQ((*signals)->Count(), 1);
}

TEST_F(StopSignalsTest, AHangUpIsTheFirstOrNone) {
  auto signals = StopSignals::Catch();
  ASSERT_TRUE(signals.ok()) << signals.status();
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(raise(SIGHUP), 0);
    EXPECT_EQ((*signals)->Count(), 1);
  }
  EXPECT_EQ((*signals)->GoOn(), absl::CancelledError("stopped by SIGHUP"));
  ASSERT_EQ(raise(SIGTERM), 0);
  EXPECT_EQ((*signals)->Count(), 1);
  ASSERT_EQ(raise(SIGTERM), 0);
  EXPECT_EQ((*signals)->Count(), 2);
}

TEST_F(StopSignalsTest, WhatWasIgnoredStaysIgnored) {
  signal(SIGHUP, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  {
    auto signals = StopSignals::Catch();
    ASSERT_TRUE(signals.ok()) << signals.status();
    ASSERT_EQ(raise(SIGHUP), 0);
    ASSERT_EQ(raise(SIGINT), 0);
    EXPECT_EQ((*signals)->Count(), 0);
    ASSERT_EQ(raise(SIGTERM), 0);
    EXPECT_EQ((*signals)->Count(), 1);
  }
  ASSERT_EQ(raise(SIGHUP), 0);  // would end this process
}

TEST_F(StopSignalsTest, UnderALauncherSignalsAreToldAndItsHangingUpStops) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::vector<std::pair<std::string, int>> told;
  auto signals = StopSignals::Catch(
      {ends[0], [&told](const char* name, int count) { told.emplace_back(name, count); }});
  ASSERT_TRUE(signals.ok()) << signals.status();
  ASSERT_EQ(raise(SIGTERM), 0);
  EXPECT_EQ((*signals)->Count(), 0);
  ASSERT_EQ(raise(SIGINT), 0);
  EXPECT_TRUE((*signals)->GoOn().ok());
  EXPECT_EQ(told, (std::vector<std::pair<std::string, int>>{{"SIGTERM", 1}, {"SIGINT", 2}}));
  close(ends[1]);
  (*signals)->Wait(Duration::Seconds(1e6));  // would hang
  EXPECT_EQ((*signals)->GoOn(), absl::CancelledError("stopped by its launcher"));
  EXPECT_EQ((*signals)->Count(), 1);
  EXPECT_EQ((*signals)->last(), SIGTERM);
  close(ends[0]);
}

// A signal may come before its process is ready: the launcher blocks it until then.
TEST_F(StopSignalsTest, UnderALauncherABlockedSignalWaits) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &set, nullptr), 0);
  ASSERT_EQ(raise(SIGTERM), 0);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  auto signals = StopSignals::Catch({ends[0], nullptr});
  ASSERT_TRUE(signals.ok()) << signals.status();
  EXPECT_EQ((*signals)->Count(), 1);
  close(ends[1]);
  EXPECT_EQ((*signals)->Count(), 2);
  close(ends[0]);
}

}  // namespace
}  // namespace rubato
