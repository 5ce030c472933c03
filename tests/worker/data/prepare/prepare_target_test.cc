// What is learnt of each row: offsets, the target's description, keys that do not go with it.
#include <algorithm>
#include <cmath>

#include "common/base/checksummed_text.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/worker/data/prepare/prepare_fixture.h"
#include "worker/data/encode/encoding_json.h"

namespace rubato {
namespace {

class PrepareTarget : public PrepareFixture {};

TEST_F(PrepareTarget, AnOffsetIsKeptBesideTheFeaturesAndIsNone) {
  RunConfig config = LoanConfig(1000);
  config.data.drop = {"id"};
  config.target.offset = "when";  // 2000, 2001, ...
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->report.columns[3].role, "offset");
  EXPECT_EQ(prepared->report.shape.numeric_columns, 2u);  // amount and its indicator
  const Batch train = ReadAll(*Open(SplitPart::kTrain));
  ASSERT_EQ(train.offsets.size(), train.rows);
  EXPECT_GE(*std::min_element(train.offsets.begin(), train.offsets.end()), 2000.0F);
  const auto encoding = LoadEncoding(Path("out"));
  ASSERT_TRUE(encoding.ok()) << encoding.status();
  EXPECT_EQ(encoding->offset.column, "when");
  EXPECT_LT(encoding->prior.base_margin, -2000.0) << "the offsets are no part of it";
}

TEST_F(PrepareTarget, ARowWithoutItsOffsetIsNamed) {
  RunConfig config = LoanConfig(1000);
  config.data.drop = {"id", "when"};
  config.target.offset = "amount";  // missing in every tenth row
  ExpectFailure(config, "loans.csv:5: column 'amount' (target.offset) holds ''", kExitFatal);
}

TEST_F(PrepareTarget, TheTargetIsDescribedForThoseWhoShowItsFigures) {
  ASSERT_TRUE(Run(LoanConfig(1000)).ok());
  const auto json = nlohmann::json::parse(*ReadChecksummedText(Path("out/target.json")));
  EXPECT_EQ(json["kind"], "binary");
  EXPECT_EQ(json["prediction"], "pd");
  EXPECT_EQ(json["chosen_by"], "logloss");
  EXPECT_EQ(json["metrics"][0].dump(),
            R"({"better":"larger","format":"metric","name":"auc","use":"progress","words":"AUC"})");
}

TEST_F(PrepareTarget, ATargetThatThereIsNotIsNamedBesideThoseThatThereAre) {
  RunConfig config = LoanConfig(1000);
  config.target.kind = "survival";
  ExpectFailure(config,
                "target.kind is not one of \"binary\", \"count\", \"amount\", \"tweedie\", "
                "\"real\", \"classes\", \"quantile\": \"survival\"",
                kExitUsage);
}

// Claims of policies: y, years (0.25 to 3), size, z.
class PrepareClaims : public PrepareFixture {
 protected:
  RunConfig ClaimsConfig(const std::string& kind, const std::string& odd_line = "") {
    std::string text = "y,years,size,z\n";
    for (int i = 0; i < 400; ++i) {
      absl::StrAppendFormat(&text, "%d,%.2f,%d,%d\n", i % 5 == 0 ? 1 + i % 9 : 0,
                            0.25 * (1 + i % 12), i % 4, i % 7);
    }
    RunConfig config;
    config.data.path = Write("claims.csv", text + odd_line);
    config.data.label = "y";
    config.target.kind = kind;
    return config;
  }
};

TEST_F(PrepareClaims, AnExposureIsTheOffsetOfACount) {
  RunConfig config = ClaimsConfig("count");
  config.target.exposure = "years";
  config.target.cap_exposure = 1.0;
  config.target.cap = 4;
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->report.columns[1].role, "exposure");
  const Batch train = ReadAll(*Open(SplitPart::kTrain));
  EXPECT_EQ(*std::max_element(train.labels.begin(), train.labels.end()), 4.0F);
  EXPECT_EQ(*std::max_element(train.offsets.begin(), train.offsets.end()), 0.0F);
  EXPECT_EQ(*std::min_element(train.offsets.begin(), train.offsets.end()), std::log(0.25F));
  double events = 0.0;
  double years = 0.0;
  for (size_t r = 0; r < train.rows; ++r) {
    events += double{train.labels[r]};
    years += std::exp(double{train.offsets[r]});
  }
  const auto encoding = LoadEncoding(Path("out"));
  ASSERT_TRUE(encoding.ok()) << encoding.status();
  EXPECT_NEAR(encoding->prior.predictions[0], events / years, 1e-6);
  EXPECT_NEAR(encoding->prior.base_margin, std::log(events / years), 1e-6);
  EXPECT_TRUE(encoding->offset.exposure);
  EXPECT_EQ(encoding->offset.cap, 1.0);
}

// Label and weight by unit: 6 in 2 years is 3 a year, and counts twice.
TEST_F(PrepareClaims, AnExposureIsTheUnitOfWhatClaimsCost) {
  RunConfig config = ClaimsConfig("tweedie");
  config.target.exposure = "years";
  ASSERT_TRUE(Run(config).ok());
  const Batch train = ReadAll(*Open(SplitPart::kTrain));
  EXPECT_TRUE(train.offsets.empty());
  double weight = 0.0;
  for (const float w : train.weights) weight += double{w};
  EXPECT_NEAR(weight / static_cast<double>(train.rows), 1.0, 1e-5);
  for (size_t r = 0; r < train.rows; ++r) {
    // Years are the weight, up to their mean; all claims of a row are a whole number.
    const double years = std::round(4 * double{train.weights[r]} * 1.625) / 4;
    const double claims = double{train.labels[r]} * years;
    EXPECT_NEAR(claims, std::round(claims), 1e-4) << "weight " << train.weights[r];
  }
}

// What is learnt is the label divided by the scale; what is kept and told is the label.
TEST_F(PrepareClaims, AScaleIsTheUnitOfALabel) {
  RunConfig config = ClaimsConfig("real");
  config.target.scale = "years";
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->report.columns[1].role, "scale");
  EXPECT_EQ(prepared->report.shape.numeric_columns, 2u);
  const auto train = Open(SplitPart::kTrain);
  const Batch batch = ReadAll(*train);
  double sum = 0.0;
  double labels = 0.0;
  for (size_t r = 0; r < batch.rows; ++r) {
    EXPECT_EQ(batch.labels[r], train->labels()[r] / train->scales()[r]);
    sum += double{batch.labels[r]};
    labels += double{train->labels()[r]};
  }
  EXPECT_EQ(*std::max_element(batch.scales.begin(), batch.scales.end()), 3.0F);
  EXPECT_EQ(prepared->report.parts[0].labels, labels);
  const auto encoding = LoadEncoding(Path("out"));
  ASSERT_TRUE(encoding.ok()) << encoding.status();
  EXPECT_NEAR(encoding->prior.predictions[0], sum / static_cast<double>(batch.rows), 1e-6);
  EXPECT_EQ(encoding->scale.column, "years");
  EXPECT_TRUE(encoding->Shape().scales);
}

TEST_F(PrepareClaims, AScaleThatIsNoneIsNamedByItsRow) {
  for (const char* scale : {"0", "-1", "", "x"}) {
    RunConfig config = ClaimsConfig("real", absl::StrCat("1,", scale, ",1,1\n"));
    config.target.scale = "years";
    ExpectFailure(config,
                  absl::StrCat("claims.csv:402: column 'years' (target.scale) holds '", scale,
                               "', which is not a number above 0; every row needs one"),
                  kExitFatal);
  }
  RunConfig config = ClaimsConfig("real");
  config.target.scale = "year";
  ExpectFailure(config, "there is no column 'year' (target.scale); did you mean 'years'?",
                kExitUsage);
}

TEST_F(PrepareClaims, AScaleIsOfTargetsWithoutALink) {
  for (const char* kind : {"count", "tweedie"}) {
    RunConfig config = ClaimsConfig(kind);
    config.target.scale = "years";
    ExpectFailure(config,
                  absl::StrFormat("target.scale means nothing where target.kind = \"%s\"; leave it "
                                  "out",
                                  kind),
                  kExitUsage);
  }
}

TEST_F(PrepareClaims, AWeightIsWhatARowCountsFor) {
  RunConfig config = ClaimsConfig("real");
  config.target.weight = "size";
  ASSERT_TRUE(Run(config).ok());
  const Batch train = ReadAll(*Open(SplitPart::kTrain));
  const Batch test = ReadAll(*Open(SplitPart::kTest));
  const float most = *std::max_element(train.weights.begin(), train.weights.end());
  EXPECT_EQ(*std::min_element(train.weights.begin(), train.weights.end()), 0.0F);
  EXPECT_NEAR(double{most}, 2.0, 0.1) << "3 of 1.5 on average";
  EXPECT_EQ(*std::max_element(test.weights.begin(), test.weights.end()), 3.0F) << "as they are";
}

TEST_F(PrepareClaims, ARowWithoutExposureOrWithAWrongLabelIsNamed) {
  RunConfig config = ClaimsConfig("count", "1,0,2,3\n");
  config.target.exposure = "years";
  ExpectFailure(config,
                "claims.csv:402: column 'years' (target.exposure) holds '0', which is not a number "
                "above 0; every row needs one",
                kExitFatal);
  config = ClaimsConfig("count", "1,,2,3\n");
  config.target.exposure = "years";
  ExpectFailure(config, "claims.csv:402: column 'years' (target.exposure) holds ''", kExitFatal);
  config = ClaimsConfig("count", "1.5,1,2,3\n");
  ExpectFailure(config,
                "claims.csv:402: the label is '1.5', and the target learns a whole number from 0 "
                "on; mend the row, or leave it out",
                kExitFatal);
  config = ClaimsConfig("real", "1,1,-2,3\n");
  config.target.weight = "size";
  ExpectFailure(config,
                "claims.csv:402: column 'size' (target.weight) holds '-2', which is not a number "
                "from 0 on",
                kExitFatal);
  ExpectFailure(ClaimsConfig("amount"), "the label is '0', and the target learns a number above 0",
                kExitFatal);
}

TEST_F(PrepareClaims, NothingIsLearnedOfLabelsThatAreAllAlike) {
  std::string text = "y,w,z\n";
  for (int i = 0; i < 400; ++i) absl::StrAppendFormat(&text, "3,0,%d\n", i % 7);
  RunConfig config = ClaimsConfig("count");
  config.data.path = Write("alike.csv", text);
  ExpectFailure(config, "to train on all have the label 3, so there is nothing to learn",
                kExitFatal);
  config.target.weight = "w";
  ExpectFailure(config, "to train on all have the weight 0 (target.weight)", kExitFatal);
}

TEST_F(PrepareClaims, KeysThatSayNothingToTheTargetAreRefused) {
  RunConfig config = ClaimsConfig("real");
  config.target.exposure = "years";
  ExpectFailure(config, "target.exposure means nothing where target.kind = \"real\"", kExitUsage);
  config = ClaimsConfig("count");
  config.cleanse.class_weights = true;
  ExpectFailure(config, "cleanse.class_weights is about the classes of a label", kExitUsage);
}

// Of 300 rows: words, numbers that are no numbers of their order, and one of two.
class PrepareClasses : public PrepareFixture {
 protected:
  RunConfig ClassesConfig(const std::string& odd_lines = "") {
    std::string text = "word,number,x\n";
    const char* const words[] = {"oak", "elm", "ash"};
    const int numbers[] = {10, 9, 200};
    for (int i = 0; i < 300; ++i) {
      absl::StrAppendFormat(&text, "%s,%d,%d\n", words[i % 3], numbers[i % 3], i % 7);
    }
    RunConfig config;
    config.data.path = Write("trees.csv", text + odd_lines);
    config.data.label = "word";
    config.data.drop = {"number"};
    config.target.kind = "classes";
    return config;
  }
  std::vector<std::string> Classes() {
    const auto encoding = LoadEncoding(Path("out"));
    return encoding.ok() ? encoding->classes : std::vector<std::string>();
  }
};

TEST_F(PrepareClasses, AreNumberedByTheirBytesOrTheirSize) {
  RunConfig config = ClassesConfig();
  ASSERT_TRUE(Run(config).ok());
  EXPECT_EQ(Classes(), (std::vector<std::string>{"ash", "elm", "oak"}));
  const Batch train = ReadAll(*Open(SplitPart::kTrain));
  const auto of_two = std::count(train.labels.begin(), train.labels.end(), 2.0F);
  const auto encoding = LoadEncoding(Path("out"));
  ASSERT_EQ(encoding->prior.predictions.size(), 3u);
  EXPECT_NEAR(encoding->prior.predictions[2],
              static_cast<double>(of_two) / static_cast<double>(train.rows), 1e-12);
  std::filesystem::remove_all(Path("out"));
  config.data.label = "number";
  config.data.drop = {"word"};
  ASSERT_TRUE(Run(config).ok());
  EXPECT_EQ(Classes(), (std::vector<std::string>{"9", "10", "200"}));
}

TEST_F(PrepareClasses, OfLibsvmAreItsLabels) {
  std::string text;
  for (int i = 0; i < 300; ++i) absl::StrAppendFormat(&text, "%d 1:%d\n", 3 - i % 3, i % 7);
  RunConfig config;
  config.data.path = Write("trees.svm", text);
  config.data.format = "libsvm";
  config.target.kind = "classes";
  ASSERT_TRUE(Run(config).ok());
  EXPECT_EQ(Classes(), (std::vector<std::string>{"1", "2", "3"}));
  const Batch train = ReadAll(*Open(SplitPart::kTrain));
  EXPECT_EQ(*std::max_element(train.labels.begin(), train.labels.end()), 2.0F);
}

TEST_F(PrepareClasses, IgnoredOnesAreLeftOut) {
  RunConfig config = ClassesConfig("birch,1,1\nbirch,1,2\n");
  config.data.ignore = {"birch"};
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(Classes(), (std::vector<std::string>{"ash", "elm", "oak"}));
  EXPECT_EQ(prepared->report.dropped_ignored_label, 2u);
}

TEST_F(PrepareClasses, OneThatTrainingNeverSawIsNamed) {
  std::string lines;
  for (int row = 300; row < 300; ++row) lines += "elm,9,1\n";
  // A test row.
  ExpectFailure(ClassesConfig(lines + "birch,1,1\n"),
                "trees.csv, column 'word': no row to train on has the label 'birch', so it can "
                "never be predicted; name it in data.ignore, add rows of it, or try another "
                "split.seed",
                kExitFatal);
}

TEST_F(PrepareClasses, OneOfATestFileThatNothingNamesIsNamed) {
  RunConfig config = ClassesConfig();
  config.data.test_path = Write("test.csv", "word,number,x\nelm,9,1\nbirch,1,1\n");
  ExpectFailure(config, "test.csv:3: nothing says what the label 'birch' counts as, ", kExitFatal);
}

TEST_F(PrepareClasses, TwoAreATargetOfTheirOwn) {
  RunConfig config = ClassesConfig();
  config.data.ignore = {"oak"};
  ExpectFailure(config, "which leaves 2 of several classes; of two use target.kind = \"binary\"",
                kExitFatal);
  config = ClassesConfig();
  config.data.positive = {"oak"};
  ExpectFailure(config, "data.positive is about the two classes of a label", kExitUsage);
  config = ClassesConfig();
  config.cleanse.class_weights = true;
  ExpectFailure(config, "cleanse.class_weights is about the two classes of a label", kExitUsage);
}

TEST_F(PrepareClaims, QuantilesBeginAtThoseOfTheTrainingRows) {
  RunConfig config = ClaimsConfig("quantile");
  config.data.label = "z";
  config.target.quantiles = {0.1, 0.5};
  config.target.expected_shortfall = true;
  ASSERT_TRUE(Run(config).ok());
  Batch train = ReadAll(*Open(SplitPart::kTrain));
  std::sort(train.labels.begin(), train.labels.end());
  const auto encoding = LoadEncoding(Path("out"));
  ASSERT_TRUE(encoding.ok()) << encoding.status();
  // z is 0 to 6 alike: 0 at a tenth, 3 at half, and 1.3 is the mean up to there.
  EXPECT_EQ(encoding->prior.predictions[0], 0.0);
  EXPECT_EQ(encoding->prior.predictions[1], 3.0);
  EXPECT_EQ(encoding->prior.predictions[2], 0.0);
  EXPECT_NEAR(encoding->prior.predictions[3], 1.5, 0.2);
  EXPECT_EQ(Open(SplitPart::kTest)->shape().numeric_columns, 3u);
}

TEST_F(PrepareClaims, AQuantileNeedsItsLevels) {
  ExpectFailure(ClaimsConfig("quantile"),
                "target.kind = \"quantile\" needs target.quantiles, the levels to learn",
                kExitUsage);
  RunConfig config = ClaimsConfig("real");
  config.target.quantiles = {0.5};
  ExpectFailure(config, "target.quantiles means nothing where target.kind = \"real\"", kExitUsage);
  config.target.quantiles = {};
  config.target.expected_shortfall = true;
  ExpectFailure(config, "target.expected_shortfall means nothing", kExitUsage);
}

TEST_F(PrepareTarget, AMissingValueIsNoOffset) {
  RunConfig config = LoanConfig(1000);
  config.data.drop = {"id"};
  config.data.missing = {"when=2004"};
  config.target.offset = "when";
  ExpectFailure(config, "loans.csv:6: column 'when' (target.offset) holds '2004'", kExitFatal);
}

}  // namespace
}  // namespace rubato
