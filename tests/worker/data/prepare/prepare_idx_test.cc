// Images on their way to the model: what is fitted, said and refused.
#include <vector>

#include "tests/worker/data/prepare/prepare_fixture.h"
#include "tests/worker/data/tables/idx_bytes.h"
#include "worker/data/encode/encoding_json.h"
#include "worker/data/encode/row_source.h"

namespace rubato {
namespace {

class PrepareIdx : public PrepareFixture {
 protected:
  static constexpr int kPixels = 16;
  // The first two rows of pixels are empty; in row 2 a count in each, in row 3 much and little.
  static std::vector<int> Pixels(int images) {
    std::vector<int> pixels;
    for (int i = 0; i < images; ++i) {
      for (int p = 0; p < kPixels; ++p) {
        const int pattern = (i + p) % (p == 14 ? 7 : 3);
        pixels.push_back(p < 12 ? 0 : p == 12 ? i % 200 : p == 13 ? 99 : pattern);
      }
    }
    return pixels;
  }
  static std::vector<int> Labels(int images) {
    std::vector<int> labels;
    for (int i = 0; i < images; ++i) labels.push_back(i * 7 % 10);
    return labels;
  }
  RunConfig Config(int images) const {
    const auto count = static_cast<uint32_t>(images);
    RunConfig config;
    config.data.format = "idx";
    config.data.path = Write("images", IdxBytes({count, 4, 4}, Pixels(images)));
    config.data.labels = Write("labels", IdxBytes({count}, Labels(images)));
    config.target.kind = "count";
    return config;
  }
};

TEST_F(PrepareIdx, PixelsAreNumbersOfOneScale) {
  const auto prepared = Run(Config(200));
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->report.rows_read, 200u);
  EXPECT_EQ(prepared->report.shape.numeric_columns, 16u);
  EXPECT_EQ(prepared->report.shape.category_columns, 0u);
  ASSERT_EQ(prepared->report.inputs.size(), 2u);
  EXPECT_EQ(prepared->report.inputs[1].path, Path("labels"));
  const auto encoding = LoadEncoding(Path("out"));
  ASSERT_TRUE(encoding.ok()) << encoding.status();
  EXPECT_EQ(encoding->format, "idx");
  EXPECT_EQ(encoding->item, "4 x 4");
  EXPECT_EQ(encoding->label, "label");
  EXPECT_EQ(encoding->numeric[0].deviation, 0.0);
  EXPECT_GT(encoding->numeric[12].deviation, 10.0);
  EXPECT_EQ(encoding->numeric[12].deviation, encoding->numeric[15].deviation);
  for (const NumericEncoding& pixel : encoding->numeric) EXPECT_FALSE(pixel.signed_log);
}

// 13 pixels that never change, one that looks like an id, 99 like a missing value.
TEST_F(PrepareIdx, EmptyPixelsAreSaidOnceAndNothingElseIs) {
  const auto prepared = Run(Config(200));
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  ASSERT_EQ(prepared->report.warnings.size(), 1u);
  EXPECT_EQ(prepared->report.warnings[0].sentence,
            "13 columns have one value each in all training rows, which tells the model nothing; "
            "the first is 'pixel_0_0'");
}

TEST_F(PrepareIdx, ATestFileOfImagesAndItsLabels) {
  RunConfig config = Config(100);
  config.data.test_path = Write("test_images", IdxBytes({3, 4, 4}, Pixels(3)));
  config.data.test_labels = Write("test_labels", IdxBytes({3}, {4, 5, 6}));
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->report.inputs.size(), 4u);
  EXPECT_EQ(ReadAll(*Open(SplitPart::kTest)).labels, (std::vector<float>{4, 5, 6}));
  const std::string small = Write("small", IdxBytes({3, 2, 2}, std::vector<int>(12)));
  std::filesystem::remove_all(Path("out"));
  config.data.test_path = small;
  ExpectFailure(config,
                "small: its images have 2 x 2 pixels, and the model learns ones of 4 x 4; scale "
                "them to that size",
                kExitUsage);
}

TEST_F(PrepareIdx, RowsToBeScoredAreShownByTheirNumber) {
  ASSERT_TRUE(Run(Config(100)).ok());
  const auto encoding = LoadEncoding(Path("out"));
  const auto source = OpenRowSource(*encoding, Path("images"), {"expected"});
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ((*source)->header(), "image,");
  RowChunk chunk;
  chunk.Clear(encoding->Shape());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(*(*source)->Next(&chunk));
  EXPECT_EQ(chunk.text, "0,1,2,");
  EXPECT_EQ(chunk.batch.numeric.size(), 3u * kPixels);
  EXPECT_TRUE((*source)->Novelties().empty());
}

TEST_F(PrepareIdx, FilesThatAreWrongAreFatalForTheData) {
  RunConfig config = Config(20);
  config.data.labels = Write("few", IdxBytes({19}, Labels(19)));
  ExpectFailure(config, "images: has 20 images, and " + Path("few") + " has 19 labels", kExitFatal);
  config.data.labels = Path("lost");
  ExpectFailure(config, "lost", kExitFatal);
  config = Config(20);
  config.data.path = Write("cut", Read("images").substr(0, 300));
  ExpectFailure(config, "cut: ends within item 17, counted from 0, of the 20", kExitFatal);
  config.data.format = "csv";
  config.data.labels = "";
  config.data.label = "label";
  config.data.path = Path("images");
  ExpectFailure(config,
                "images: is an idx file of images; use data.format = \"idx\" in a run "
                "file, with it in data.path and the file of labels in data.labels",
                kExitFatal);
}

}  // namespace
}  // namespace rubato
