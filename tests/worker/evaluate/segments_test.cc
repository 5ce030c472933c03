// Segments of the rows, against sums made by hand.
#include "worker/evaluate/segments.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "tests/worker/evaluate/batch_dataset.h"

namespace rubato {
namespace {

// A number from 10 to 17 and a category with levels a, b and one that no row has.
Encoding TwoColumns() {
  Encoding encoding;
  NumericEncoding number;
  number.name = "age";
  number.mean = 10.0;
  number.deviation = 2.0;
  encoding.numeric = {number};
  CategoryEncoding category;
  category.name = "town";
  category.levels = {"a", "b", "c"};
  encoding.categories = {category};
  return encoding;
}

Batch EightRows() {
  Batch batch;
  batch.rows = 8;
  batch.numeric_columns = 1;
  batch.category_columns = 1;
  for (int i = 0; i < 8; ++i) {
    batch.numeric.push_back(static_cast<float>(i) / 2.0F);
    batch.categories.push_back(i < 3 ? 2 : 3);
    batch.labels.push_back(static_cast<float>(i % 2));
    batch.weights.push_back(1.0F);
    batch.offsets.push_back(std::log(0.5F));
  }
  return batch;
}

TEST(Segments, AreLevelsAndQuarters) {
  const BatchDataset data(EightRows());
  const std::vector<float> prediction(8, 0.25F);
  const auto columns = SegmentsOf(TwoColumns(), CountTarget(), data, prediction);
  ASSERT_EQ(columns.size(), 2u);
  EXPECT_EQ(columns[0].column, "age");
  std::vector<std::string> names;
  for (const Segment& segment : columns[0].segments) names.push_back(segment.name);
  EXPECT_EQ(names, (std::vector<std::string>{"up to 11", "up to 13", "up to 15", "above 15"}));
  EXPECT_EQ(columns[0].segments[0].actual, 1.0);
  EXPECT_EQ(columns[0].segments[0].expected, 0.5);
  EXPECT_NEAR(columns[0].segments[0].size, 1.0, 1e-6) << "half a year each";
  EXPECT_EQ(columns[1].column, "town");
  ASSERT_EQ(columns[1].segments.size(), 2u);
  EXPECT_EQ(columns[1].segments[0].name, "b");
  EXPECT_EQ(columns[1].segments[0].actual, 3.0);
  EXPECT_EQ(columns[1].segments[1].expected, 0.75);
}

TEST(Segments, AreWrittenByTheirNames) {
  EXPECT_EQ(
      FormatSegments({{"town", {{"a \"b\"", 2.5, 3, 1.25}, {"c", 1.5, 1, 0.75}}}}),
      "[{\"column\":\"town\",\"segments\":[{\"name\":\"a \\\"b\\\"\",\"size\":2.5,\"actual\":3,"
      "\"expected\":1.25},{\"name\":\"c\",\"size\":1.5,\"actual\":1,\"expected\":0.75}]}]");
}

TEST(Segments, RareLevelsAreOne) {
  Encoding encoding = TwoColumns();
  encoding.numeric.clear();
  encoding.categories[0].levels = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
  Batch batch;
  batch.rows = 12;
  batch.category_columns = 1;
  for (uint32_t i = 0; i < 12; ++i) {
    batch.categories.push_back(i);
    batch.labels.push_back(1.0F);
    batch.weights.push_back(1.0F);
  }
  const BatchDataset data(std::move(batch));
  const auto columns = SegmentsOf(encoding, AmountTarget(), data, std::vector<float>(12, 2.0F));
  ASSERT_EQ(columns.size(), 1u);
  ASSERT_EQ(columns[0].segments.size(), kMostSegmentLevels + 1);
  EXPECT_EQ(columns[0].segments.back().name, "4 others");
  EXPECT_EQ(columns[0].segments.back().expected, 8.0);
}

TEST(Segments, OfOtherTargetsThereAreNone) {
  const BatchDataset data(EightRows());
  EXPECT_TRUE(SegmentsOf(TwoColumns(), RealTarget(), data, std::vector<float>(8, 1.0F)).empty());
}

}  // namespace
}  // namespace rubato
