#include "worker/spec/batch_order.h"

#include <algorithm>
#include <vector>

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
    const BatchOrder order(rows, 7, 3, 42);
    std::vector<uint64_t> dealt = DealEpoch(order, 3, 5);
    std::sort(dealt.begin(), dealt.end());
    ASSERT_EQ(dealt.size(), rows);
    for (uint64_t i = 0; i < rows; ++i) ASSERT_EQ(dealt[i], i);
  }
}

TEST(BatchOrder, EpochsAndSeedsDiffer) {
  const auto first = DealEpoch(BatchOrder(1000, 10, 2, 1), 2, 0);
  EXPECT_NE(first, DealEpoch(BatchOrder(1000, 10, 2, 1), 2, 1));
  EXPECT_NE(first, DealEpoch(BatchOrder(1000, 10, 2, 2), 2, 0));
  EXPECT_EQ(first, DealEpoch(BatchOrder(1000, 10, 2, 1), 2, 0));
}

}  // namespace
}  // namespace rubato
