// What is learnt of each row: offsets, the target's description, keys that do not go with it.
#include <algorithm>

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
  ExpectFailure(config, "target.kind is not one of \"binary\": \"survival\"", kExitUsage);
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
