#include "worker/evaluate/worst_images.h"

#include <vector>

#include "gtest/gtest.h"
#include "tests/worker/evaluate/batch_dataset.h"

namespace rubato {
namespace {

Encoding TwoByThree() {
  Encoding encoding;
  encoding.format = "idx";
  encoding.item = "2 x 3";
  encoding.numeric.resize(6);
  for (NumericEncoding& pixel : encoding.numeric) {
    pixel.mean = 100.0;
    pixel.deviation = 50.0;
  }
  return encoding;
}

const Figures kWorst = {
    .numbers = {},
    .levels = {},
    .tables = {{"worst", {"row", "actual", "predicted", "probability"}, {{1, 7, 2, 0.25}}}}};

BatchDataset TwoImages() {
  Batch batch;
  batch.rows = 2;
  batch.numeric_columns = 6;
  batch.numeric = {0, 0, 0, 0, 0, 0, -2, -1, 0, 1, 3.1F, 9};
  batch.labels = {1, 7};
  batch.weights = {1, 1};
  return BatchDataset(std::move(batch));
}

TEST(WorstImages, AreAsTheyWereBeforeTheyWerePrepared) {
  const auto images = WorstImagesOf(TwoByThree(), TwoImages(), kWorst);
  ASSERT_EQ(images.size(), 1u);
  EXPECT_EQ(FormatWorstImages(images),
            "[{\"row\":1,\"actual\":7,\"predicted\":2,\"probability\":0.25,\"width\":3,"
            "\"height\":2,\"pixels\":[0,50,100,150,255,255]}]");
}

TEST(WorstImages, OfOtherRowsThereAreNone) {
  Encoding encoding = TwoByThree();
  encoding.format = "csv";
  EXPECT_TRUE(WorstImagesOf(encoding, TwoImages(), kWorst).empty());
  encoding = TwoByThree();
  encoding.item = "6";
  EXPECT_TRUE(WorstImagesOf(encoding, TwoImages(), kWorst).empty());
  EXPECT_TRUE(WorstImagesOf(TwoByThree(), TwoImages(), {}).empty());
}

}  // namespace
}  // namespace rubato
