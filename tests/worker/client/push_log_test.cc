#include "worker/client/push_log.h"

#include "gtest/gtest.h"

namespace rubato {
namespace {

// Holds the pushes [start, end).
PushLog Log(int64_t start, int64_t end) {
  PushLog log{Clock(start)};
  for (int64_t c = start; c < end; ++c) log.Append(LoggedPush{Clock(c), Clock(c), {{}}});
  return log;
}

TEST(PushLog, FindsWhatItHoldsAndNothingElse) {
  const PushLog log = Log(3, 6);
  EXPECT_EQ(log.Find(Clock(2)), nullptr);
  EXPECT_EQ(log.Find(Clock(6)), nullptr);
  for (int64_t c = 3; c < 6; ++c) {
    ASSERT_NE(log.Find(Clock(c)), nullptr);
    EXPECT_EQ(log.Find(Clock(c))->clock, Clock(c));
  }
}

TEST(PushLog, ForgetsWhatIsDurableAndNoMore) {
  PushLog log = Log(3, 8);
  log.Prune(Clock(2));
  EXPECT_EQ(log.size(), 5U);
  log.Prune(Clock(5));
  EXPECT_EQ(log.start(), Clock(5));
  EXPECT_EQ(log.Find(Clock(4)), nullptr);
  EXPECT_EQ(log.Find(Clock(5))->clock, Clock(5));
  EXPECT_EQ(log.end(), Clock(8));
}

// A snapshot may be ahead of what this worker has pushed in this life: the next number stays.
TEST(PushLog, ForgettingAllKeepsTheNextNumber) {
  PushLog log = Log(3, 8);
  log.Prune(Clock(100));
  EXPECT_EQ(log.size(), 0U);
  EXPECT_EQ(log.end(), Clock(8));
}

TEST(PushLog, CountsBytesOfFramesAndOfWhatHoldsThem) {
  PushLog log{Clock(0)};
  log.Append(LoggedPush{Clock(0), Clock(0), {{}}});
  const size_t empty = log.bytes();
  EXPECT_GE(empty, sizeof(LoggedPush));
  TableRows rows;
  rows.keys = Buffer::Own(std::vector<RowKey>(3));
  rows.values = Buffer::Own(std::vector<float>(300));
  log.Append(LoggedPush{Clock(1), Clock(1), {{rows}, {rows}}});
  EXPECT_GE(log.bytes(), 2 * empty + 2 * (3 * 8 + 300 * 4));
  log.DropOldest();
  EXPECT_EQ(log.start(), Clock(1));
  EXPECT_EQ(log.Find(Clock(0)), nullptr);
  log.Prune(Clock(2));
  EXPECT_EQ(log.bytes(), 0U);
}

}  // namespace
}  // namespace rubato
