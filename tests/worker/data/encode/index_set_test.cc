#include "worker/data/encode/index_set.h"

#include <vector>

#include "gtest/gtest.h"

namespace rubato {
namespace {

using Indices = std::vector<uint64_t>;
using Ranges = std::vector<IndexRange>;

TEST(IndexSet, KeepsRangesWithTheirGaps) {
  IndexSet set;
  EXPECT_EQ(set.Ranges(), Ranges());
  set.Add(Indices{4, 5, 9});
  set.Add(Indices{});
  set.Add(Indices{0, 6});
  EXPECT_EQ(set.Ranges(), (Ranges{{0, 0}, {4, 6}, {9, 9}}));
}

TEST(IndexSet, LargeIndicesAreNotToldApart) {
  IndexSet set;
  set.Add(Indices{2, kToldIndices + 5, kToldIndices + 9});
  set.Add(Indices{kToldIndices + 7});
  EXPECT_EQ(set.Ranges(), (Ranges{{2, 2}, {kToldIndices + 5, kToldIndices + 9}}));
}

TEST(IndexSet, TooManyRangesCloseToOne) {
  IndexSet set;
  for (uint64_t i = 0; i <= kMaxIndexRanges; ++i) set.Add(Indices{2 * i});
  const Ranges ranges = set.Ranges();
  EXPECT_EQ(ranges.size(), kMaxIndexRanges);
  EXPECT_EQ(ranges.back(), (IndexRange{2 * kMaxIndexRanges - 2, 2 * kMaxIndexRanges}));
}

TEST(IndexSet, CountsWhatItLacks) {
  const Ranges seen = {{1, 3}, {7, 7}};
  ColumnNovelty novelty;
  CountIndices(seen, Indices{0, 1, 3, 4, 7, 8}, 12, &novelty);
  EXPECT_EQ(novelty.cells, 6u);
  EXPECT_EQ(novelty.levels.cells, 3u);
  EXPECT_EQ(novelty.levels.first, "0");
  EXPECT_EQ(novelty.levels.line, 12u);
}

TEST(IndexSet, ShiftedFilesAreTold) {
  EXPECT_FALSE(CheckSameFirstIndex({1, 9}, {0, 8}).ok());
  EXPECT_FALSE(CheckSameFirstIndex({0, 8}, {1, 9}).ok());
  EXPECT_TRUE(CheckSameFirstIndex({0, 8}, {1, 8}).ok());
  EXPECT_TRUE(CheckSameFirstIndex({1, 9}, {0, 9}).ok()) << "training may lack a rare index 0";
  EXPECT_TRUE(CheckSameFirstIndex({3, 9}, {0, 9}).ok());
  EXPECT_TRUE(CheckSameFirstIndex({1, 9}, {}).ok());
}

}  // namespace
}  // namespace rubato
