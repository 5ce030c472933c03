// Prices on their way to the model: the split at a day, what is said, and rows to be scored.
#include <cstdlib>

#include "tests/worker/data/prepare/prepare_fixture.h"
#include "tests/worker/data/tables/price_csv.h"
#include "worker/data/encode/encoding_json.h"
#include "worker/data/encode/row_source.h"

namespace rubato {
namespace {

class PrepareSeries : public PrepareFixture {
 protected:
  RunConfig Config(size_t days) const {
    RunConfig config;
    config.data.format = "series";
    config.data.path = Write("p.csv", PriceCsv(Weekdays(days), PriceWalk(days)));
    config.series = {.date = "Date", .prices = {"Close"}};
    config.target.kind = "real";
    config.split.kind = "time";
    return config;
  }
};

TEST_F(PrepareSeries, TheTestBeginsAtADayWhoseReturnIsPredicted) {
  RunConfig config = Config(700);
  config.split.test_from = Weekdays(700)[650];
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  // The returns of days 650 to 699 test; of the 149 before them the newest 15 % validate.
  EXPECT_EQ(prepared->report.parts[2].rows, 50u);
  EXPECT_EQ(prepared->report.parts[0].rows, 126u);
  EXPECT_EQ(prepared->report.parts[1].rows, 23u);
  EXPECT_EQ(prepared->report.split.test_from, config.split.test_from);
  const std::vector<double> prices = PriceWalk(700);
  EXPECT_NEAR(ReadAll(*Open(SplitPart::kTest)).labels[0], 100 * std::log(prices[650] / prices[649]),
              1e-5);
  ASSERT_FALSE(prepared->report.warnings.empty());
  EXPECT_EQ(prepared->report.warnings[0].sentence,
            "the first 500 of 700 days give no row, as the features of a day look back on so many "
            "returns");
  const auto encoding = LoadEncoding(Path("out"));
  EXPECT_EQ(encoding->format, "series");
  EXPECT_EQ(encoding->series, config.series);
  EXPECT_EQ(encoding->numeric.size(), 19u);
  EXPECT_EQ(encoding->categories.size(), 2u);
}

TEST_F(PrepareSeries, TheDayAfterTheLastIsPredicted) {
  RunConfig config = Config(700);
  config.data.drop = {"month"};
  ASSERT_TRUE(Run(config).ok());
  const auto encoding = LoadEncoding(Path("out"));
  EXPECT_EQ(encoding->categories.size(), 1u);
  const auto source = OpenRowSource(*encoding, Path("p.csv"), {"mean"});
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ((*source)->header(), "date,next_date,");
  RowChunk chunk;
  chunk.Clear(encoding->Shape());
  while (*(*source)->Next(&chunk)) {
  }
  EXPECT_EQ(chunk.batch.rows, 200u);
  EXPECT_TRUE(absl::StartsWith(chunk.text, Weekdays(700)[500] + "," + Weekdays(700)[501] + ","));
  EXPECT_TRUE(absl::EndsWith(chunk.text, "," + Weekdays(700)[699] + ",,"));
}

// Each return is told in the volatility that was known the evening before.
TEST_F(PrepareSeries, AScaledSeriesLearnsPartsOfAVolatility) {
  RunConfig config = Config(700);
  config.series.scale = "ewma";
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const auto train = Open(SplitPart::kTrain);
  const Batch batch = ReadAll(*train);
  const std::vector<double> prices = PriceWalk(700);
  EXPECT_NEAR(train->labels()[0], 100 * std::log(prices[501] / prices[500]), 1e-5);
  EXPECT_FLOAT_EQ(batch.labels[0], train->labels()[0] / batch.scales[0]);
  const auto encoding = LoadEncoding(Path("out"));
  EXPECT_EQ(encoding->scale.column, "volatility_0.94_Close");
  EXPECT_EQ(encoding->numeric.size(), 19u) << "the scale is a feature all the same";
  EXPECT_NEAR(encoding->prior.scale, 1.0, 0.2) << "parts of a volatility";
  config.target.kind = "count";
  std::filesystem::remove_all(Path("out"));
  ExpectFailure(
      config,
      "series.scale = \"ewma\" divides the label, and target.kind = \"count\" cannot learn "
      "a part of it",
      kExitUsage);
}

TEST_F(PrepareSeries, ATestFileIsASeriesOfItsOwn) {
  RunConfig config = Config(700);
  config.data.test_path = Write("q.csv", PriceCsv(Weekdays(600), PriceWalk(600, 9)));
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->report.parts[2].rows, 99u);
  EXPECT_EQ(prepared->report.warnings[1].sentence,
            Path("q.csv") +
                ": the first 500 of 600 days give no row, as the features of a day "
                "look back on so many returns");
}

TEST_F(PrepareSeries, WhatCannotBeSplitOrReadIsRefused) {
  RunConfig config = Config(700);
  config.split.test_from = "January";
  ExpectFailure(config,
                "split.test_from = \"January\" is neither a number nor a date like 2015-03-31",
                kExitUsage);
  config.split.test_from = "2100-01-01";
  ExpectFailure(config,
                "the test part would have 0 rows; these values work: split.test_from = \"\"",
                kExitFatal);
  config = Config(400);
  ExpectFailure(config, "has 400 days with all prices, and 502 are the least", kExitFatal);
  config = Config(700);
  config.series.prices = {"close"};
  ExpectFailure(config, "there is no column 'close' (series.prices); did you mean 'Close'?",
                kExitUsage);
}

// The second half of the returns begins on 1983-01-28.
TEST_F(PrepareSeries, StandardAndPoors500) {
  const char* folder = std::getenv("RUBATO_DATA_DIR");
  if (folder == nullptr) GTEST_SKIP() << "RUBATO_DATA_DIR is not set";
  RunConfig config = Config(502);
  config.data.path = absl::StrCat(folder, "/markets/qrm_SP500.csv.gz");
  config.series.prices = {"^GSPC"};
  config.split.test_from = "1983-01-28";
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->report.parts[0].rows, 6632u);
  EXPECT_EQ(prepared->report.parts[1].rows, 1171u);
  EXPECT_EQ(prepared->report.parts[2].rows, 8303u);
}

}  // namespace
}  // namespace rubato
