#include "worker/spec/timetable.h"

#include <algorithm>
#include <vector>

#include "gtest/gtest.h"

namespace rubato {
namespace {

// 103 rows in batches of 10 for each of 3 seats: 4 iterations, the last of them with 10, 3 and no
// rows. Then the evaluation.
class TimetableTest : public testing::Test {
 protected:
  TimetableTest() {
    job_.seats = 3;
    job_.iteration_rows = 30;
    job_.seed = 7;
    job_.iterations_per_epoch = 5;
    job_.last_clock = Clock(15);
  }
  Timetable Of(uint32_t seat) const { return Timetable(job_, SeatId(seat), 103); }
  std::vector<size_t> Sizes(uint32_t seat, int64_t epoch) const {
    std::vector<size_t> sizes;
    for (int64_t i = 0; i < 5; ++i) sizes.push_back(Of(seat).Rows(Clock(5 * epoch + i)).size());
    return sizes;
  }
  // Rows of all seats in one epoch, sorted.
  std::vector<uint64_t> AllRows(int64_t epoch) const {
    std::vector<uint64_t> all;
    for (uint32_t seat = 0; seat < 3; ++seat) {
      for (int64_t i = 0; i < 5; ++i) {
        const auto rows = Of(seat).Rows(Clock(5 * epoch + i));
        all.insert(all.end(), rows.begin(), rows.end());
      }
    }
    std::sort(all.begin(), all.end());
    return all;
  }

  Job job_;
};

TEST_F(TimetableTest, SeatsRunOutOfDataAndGoOnEmpty) {
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    EXPECT_EQ(Sizes(0, epoch), (std::vector<size_t>{10, 10, 10, 10, 0}));
    EXPECT_EQ(Sizes(1, epoch), (std::vector<size_t>{10, 10, 10, 3, 0}));
    EXPECT_EQ(Sizes(2, epoch), (std::vector<size_t>{10, 10, 10, 0, 0}));
  }
}

TEST_F(TimetableTest, EachRowIsTrainedOnceInAnEpochByOneSeat) {
  std::vector<uint64_t> each(103);
  for (uint64_t row = 0; row < 103; ++row) each[row] = row;
  EXPECT_EQ(AllRows(0), each);
  EXPECT_EQ(AllRows(2), each);
}

TEST_F(TimetableTest, RowsArePureAndDifferByEpochSeatAndSeed) {
  const auto rows = Of(1).Rows(Clock(2));
  EXPECT_EQ(Of(1).Rows(Clock(2)), rows);
  EXPECT_NE(Of(1).Rows(Clock(7)), rows);
  EXPECT_NE(Of(2).Rows(Clock(2)), rows);
  job_.seed = 8;
  EXPECT_NE(Of(1).Rows(Clock(2)), rows);
}

}  // namespace
}  // namespace rubato
