#include "worker/compute/cuda/network/batch_layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace rubato {
namespace {

using Range = std::pair<size_t, size_t>;  // first byte, size

void ExpectApart(std::vector<Range> ranges, size_t bytes) {
  std::sort(ranges.begin(), ranges.end());
  size_t end = 0;
  for (const auto& [first, size] : ranges) {
    EXPECT_EQ(first % kArrayAlignment, 0u);
    EXPECT_GE(first, end);
    end = first + size;
  }
  EXPECT_LE(end, bytes);
}

TEST(BatchLayout, ArraysLieApartAlignedAndWithinTheBlock) {
  for (const uint32_t rows : {0u, 1u, 63u, 64u, 8192u}) {
    for (const uint32_t columns : {0u, 1u, 26u}) {
      const BatchShape shape{.counts = {.rows = rows, .columns = columns, .sparse = 3 * rows},
                             .numeric = columns,
                             .has_sparse = true};
      const BatchLayout layout(shape);
      const size_t n = rows;
      ExpectApart({{layout.filled, sizeof(BatchCounts)},
                   {layout.numeric, 4 * n * columns},
                   {layout.labels, 4 * n},
                   {layout.weights, 4 * n},
                   {layout.categories, 4 * n * columns},
                   {layout.row_begin, 4 * (n + 1)},
                   {layout.sparse_keys, 8 * 3 * n},
                   {layout.sparse_values, 4 * 3 * n}},
                  layout.bytes);
    }
  }
}

TEST(BatchLayout, WithoutSparseFeaturesTheyTakeNoRoom) {
  BatchShape shape{.counts = {.rows = 100, .columns = 2, .sparse = 0}, .numeric = 1};
  const size_t without = BatchLayout(shape).bytes;
  shape.has_sparse = true;
  EXPECT_EQ(BatchLayout(shape).bytes, without + 512);  // 101 offsets
}

}  // namespace
}  // namespace rubato
