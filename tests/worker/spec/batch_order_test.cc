#include "worker/spec/batch_order.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "common/base/env.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

std::vector<uint64_t> DealEpoch(const BatchOrder& order, uint32_t seats, int64_t epoch) {
  std::vector<uint64_t> all;
  std::vector<uint64_t> rows;
  for (int64_t i = 0; i < order.IterationsPerEpoch(); ++i) {
    for (uint32_t seat = 0; seat < seats; ++seat) {
      order.Rows(epoch, i, SeatId(seat), &rows);
      all.insert(all.end(), rows.begin(), rows.end());
    }
  }
  return all;
}

TEST(BatchOrder, DealsEveryRowOnceInEachEpoch) {
  for (uint64_t rows : {1u, 2u, 3u, 100u, 1023u, 1024u, 1025u}) {
    const BatchOrder order(rows, 7 * 3, 3, 42);
    std::vector<uint64_t> dealt = DealEpoch(order, 3, 5);
    std::sort(dealt.begin(), dealt.end());
    ASSERT_EQ(dealt.size(), rows);
    for (uint64_t i = 0; i < rows; ++i) ASSERT_EQ(dealt[i], i);
  }
}

TEST(BatchOrder, EpochsAndSeedsDiffer) {
  const auto first = DealEpoch(BatchOrder(1000, 20, 2, 1), 2, 0);
  EXPECT_NE(first, DealEpoch(BatchOrder(1000, 20, 2, 1), 2, 1));
  EXPECT_NE(first, DealEpoch(BatchOrder(1000, 20, 2, 2), 2, 0));
  EXPECT_EQ(first, DealEpoch(BatchOrder(1000, 20, 2, 1), 2, 0));
}

// Position p of an epoch is row p of the same order with one seat and one row an iteration.
TEST(BatchOrder, SeatsThatDivideAnIterationGetBatchAfterBatch) {
  constexpr uint64_t kRows = 103;
  constexpr uint64_t kBatch = 10;
  constexpr uint32_t kSeats = 3;
  const std::vector<uint64_t> positions = DealEpoch(BatchOrder(kRows, 1, 1, 42), 1, 5);
  const BatchOrder order(kRows, kBatch * kSeats, kSeats, 42);
  EXPECT_EQ(order.LargestBatch(), kBatch);
  std::vector<uint64_t> rows;
  for (uint64_t i = 0; i < 4; ++i) {
    for (uint32_t seat = 0; seat < kSeats; ++seat) {
      const uint64_t begin = std::min((i * kSeats + seat) * kBatch, kRows);
      const uint64_t end = std::min(begin + kBatch, kRows);
      order.Rows(5, static_cast<int64_t>(i), SeatId(seat), &rows);
      EXPECT_EQ(rows, std::vector(positions.begin() + static_cast<int64_t>(begin),
                                  positions.begin() + static_cast<int64_t>(end)));
    }
  }
}

// The sizes of what each seat gets of one iteration.
std::vector<size_t> Shares(uint64_t iteration_rows, uint32_t seats) {
  const BatchOrder order(1'000'000, iteration_rows, seats, 1);
  std::vector<size_t> shares;
  std::vector<uint64_t> rows;
  for (uint32_t seat = 0; seat < seats; ++seat) {
    order.Rows(0, 3, SeatId(seat), &rows);
    shares.push_back(rows.size());
  }
  return shares;
}

TEST(BatchOrder, SharesDifferByOneRowAtMost) {
  EXPECT_EQ(Shares(64, 2), (std::vector<size_t>{32, 32}));
  EXPECT_EQ(Shares(64, 3), (std::vector<size_t>{21, 21, 22}));
  EXPECT_EQ(Shares(64, 1), (std::vector<size_t>{64}));
  EXPECT_EQ(Shares(5, 4), (std::vector<size_t>{1, 1, 1, 2}));
  EXPECT_EQ(BatchOrder(9, 64, 3, 1).LargestBatch(), 22u);
}

TEST(BatchOrder, NoIterationIsBehindTheLast) {
  std::vector<uint64_t> rows = {1};
  BatchOrder(103, 30, 3, 1).Rows(0, 4, SeatId(0), &rows);
  EXPECT_TRUE(rows.empty());
  rows = {1};
  BatchOrder(103, 30, 3, 1).Rows(0, int64_t{1} << 53, SeatId(0), &rows);
  EXPECT_TRUE(rows.empty());
}

// Whatever number of seats shares which iteration.
TEST(BatchOrder, SeatsThatComeAndGoTrainEveryRowOnce) {
  Rng rng(7);
  for (int history = 0; history < 300; ++history) {
    const uint64_t all = 1 + rng.Below(3000);
    const uint64_t iteration_rows = 1 + rng.Below(200);
    std::vector<uint64_t> dealt;
    std::vector<uint64_t> rows;
    uint32_t seats = 1;
    const int64_t last = BatchOrder(all, iteration_rows, 1, 9).IterationsPerEpoch();
    for (int64_t i = 0; i < last; ++i) {
      if (rng.Chance(0.3)) seats = 1 + static_cast<uint32_t>(rng.Below(iteration_rows));
      const BatchOrder order(all, iteration_rows, seats, 9);
      ASSERT_EQ(order.IterationsPerEpoch(), last);
      for (uint32_t seat = 0; seat < seats; ++seat) {
        order.Rows(2, i, SeatId(seat), &rows);
        ASSERT_LE(rows.size(), order.LargestBatch());
        dealt.insert(dealt.end(), rows.begin(), rows.end());
      }
    }
    std::sort(dealt.begin(), dealt.end());
    std::vector<uint64_t> each(all);
    std::iota(each.begin(), each.end(), uint64_t{0});
    ASSERT_EQ(dealt, each) << all << " rows, " << iteration_rows << " an iteration";
  }
}

}  // namespace
}  // namespace rubato
