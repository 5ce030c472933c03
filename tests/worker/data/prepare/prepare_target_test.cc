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
                "\"real\": \"survival\"",
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
  EXPECT_NEAR(encoding->prior.prediction, events / years, 1e-6);
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

TEST_F(PrepareTarget, AMissingValueIsNoOffset) {
  RunConfig config = LoanConfig(1000);
  config.data.drop = {"id"};
  config.data.missing = {"when=2004"};
  config.target.offset = "when";
  ExpectFailure(config, "loans.csv:6: column 'when' (target.offset) holds '2004'", kExitFatal);
}

}  // namespace
}  // namespace rubato
