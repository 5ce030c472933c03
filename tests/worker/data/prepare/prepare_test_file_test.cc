// A CSV file of its own that tests (data.test_path), as the preparation reads it.
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/worker/data/prepare/prepare_fixture.h"

namespace rubato {
namespace {

using PrepareTestFile = PrepareFixture;

TEST_F(PrepareTestFile, ATestFileIsBoundByName) {
  RunConfig config = LoanConfig(500);
  config.data.test_path = Write("test.csv", "y;grade;amount\ngood;A;1,5\nbad;C;\n;A;1\nbad;NA;3\n");
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->report.parts[2].rows, 3u);
  EXPECT_EQ(prepared->report.parts[2].labels, 2);
  EXPECT_EQ(prepared->report.dropped_missing_label, 1u);
  const Batch test = ReadAll(*Open(SplitPart::kTest));
  EXPECT_EQ(test.categories[1], 0u);
  EXPECT_EQ(test.categories[2], 1u);
  EXPECT_EQ(test.numeric[3], 1.0F);  // the indicator of the second row
}

TEST_F(PrepareTestFile, TextsOfATestFileWhereNumbersShouldStandAreWarnedOf) {
  RunConfig config = LoanConfig(500);
  config.data.test_path =
      Write("test.csv", "amount,grade,y\n1,A,good\nUSD 5,new,bad\n,A,bad\n9e9,A,bad\nx,A,\n");
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  std::string said;
  for (const Warning& warning : prepared->report.warnings) {
    if (warning.kind == "novelty") absl::StrAppend(&said, warning.sentence, "\n");
  }
  EXPECT_EQ(said, config.data.test_path +
                      ": column 'amount': 1 of 4 values (25 %), the first 'USD 5' in line 3, are "
                      "not written as the numbers of the training file are, and were taken as "
                      "missing\n");
}

}  // namespace
}  // namespace rubato
