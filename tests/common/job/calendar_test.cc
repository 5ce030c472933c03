#include "common/job/calendar.h"

#include <gtest/gtest.h>

#include <vector>

namespace rubato {
namespace {

// Three epochs of five iterations each.
class CalendarTest : public testing::Test {
 protected:
  CalendarTest() {
    calendar_.last_clock = Clock(15);
    calendar_.iterations_per_epoch = 5;
  }
  std::vector<int64_t> Clocks(bool (Calendar::*is)(Clock) const) const {
    std::vector<int64_t> clocks;
    for (int64_t c = 0; c < 15; ++c) {
      if ((calendar_.*is)(Clock(c))) clocks.push_back(c);
    }
    return clocks;
  }
  Calendar calendar_;
};

TEST_F(CalendarTest, AEpochEndsWithAnEvaluation) {
  for (int64_t c = 0; c < 15; ++c) EXPECT_EQ(calendar_.EpochOf(Clock(c)), c / 5);
  EXPECT_EQ(Clocks(&Calendar::IsEvaluation), (std::vector<int64_t>{4, 9, 14}));
}

TEST_F(CalendarTest, OnlyWithABestEpochDoAllWaitAtItsEndAndReadExactlyThereAndAfterIt) {
  EXPECT_TRUE(Clocks(&Calendar::IsBarrier).empty());
  EXPECT_TRUE(Clocks(&Calendar::IsExact).empty());
  calendar_.best_epoch = true;
  EXPECT_EQ(Clocks(&Calendar::IsBarrier), (std::vector<int64_t>{4, 9, 14}));
  EXPECT_EQ(Clocks(&Calendar::IsExact), (std::vector<int64_t>{4, 5, 9, 10, 14}));
}

TEST_F(CalendarTest, TheNextCommonClockIsABarrierOrTheLast) {
  EXPECT_EQ(calendar_.NextCommon(Clock(0)), Clock(15));
  calendar_.best_epoch = true;
  for (int64_t c = 0; c < 15; ++c) {
    const Clock next = calendar_.NextCommon(Clock(c));
    EXPECT_EQ(next, Clock(c / 5 * 5 + 4)) << c;
    EXPECT_TRUE(calendar_.IsBarrier(next));
  }
  EXPECT_EQ(calendar_.NextCommon(Clock(15)), Clock(15));
}

TEST_F(CalendarTest, CompletedClocksBelongToTheEpochOfTheLastOneTrained) {
  EXPECT_EQ(calendar_.EpochBefore(Clock(0)), 0);
  EXPECT_EQ(calendar_.EpochBefore(Clock(5)), 0);
  EXPECT_EQ(calendar_.EpochBefore(Clock(6)), 1);
  EXPECT_EQ(calendar_.BeginOfEpoch(Clock(7)), Clock(5));
  EXPECT_EQ(calendar_.IndexInEpoch(Clock(7)), 2);
}

}  // namespace
}  // namespace rubato
