#include "common/stop_signals.h"

#include <signal.h>

#include "gtest/gtest.h"

namespace rubato {
namespace {

TEST(StopSignals, CountsWhatArrivesInsteadOfDying) {
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

// It would hang here if the signal did not end the wait.
TEST(StopSignals, ASignalThatIsThereEndsAWaitAtOnce) {
  auto signals = StopSignals::Catch();
  ASSERT_TRUE(signals.ok()) << signals.status();
  ASSERT_EQ(raise(SIGTERM), 0);
  (*signals)->Wait(Duration::Seconds(1e6));
  EXPECT_EQ((*signals)->Count(), 1);
}

}  // namespace
}  // namespace rubato
