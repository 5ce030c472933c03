// Columns of a second file (data.join), as the preparation reads, reports and keeps them.
#include <string>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "tests/worker/data/prepare/prepare_fixture.h"
#include "worker/data/encode/encoding_json.h"

namespace rubato {
namespace {

class PrepareJoin : public PrepareFixture {
 protected:
  // The loan book in two files: `amount` and `grade` are known by `id`, of all but the last loan.
  RunConfig JoinConfigOf(int rows) {
    std::string loans = "id,when,y\n";
    std::string facts = "amount,id,grade\n";
    const std::vector<std::string> lines = absl::StrSplit(Loans(rows), '\n', absl::SkipEmpty());
    for (size_t i = 1; i < lines.size(); ++i) {
      const std::vector<std::string> field = absl::StrSplit(lines[i], ',');
      absl::StrAppend(&loans, field[0], ".0,", field[3], ",", field[4], "\n");
      if (i + 1 == lines.size()) continue;
      absl::StrAppend(&facts, field[1], ",", field[0], ",", field[2], "\n");
    }
    RunConfig config = LoanConfig(rows);
    config.data.path = Write("part.csv", loans);
    config.data.join = {.path = Write("facts.csv", facts), .key = "id"};
    config.data.drop = {"when"};
    return config;
  }
  static const Warning* Unmatched(const DataReport& report) {
    const auto found =
        absl::c_find_if(report.warnings, [](const auto& w) { return w.kind == "unmatched"; });
    return found == report.warnings.end() ? nullptr : &*found;
  }
};

TEST_F(PrepareJoin, TheRowsAreThoseOfTheWiderTable) {
  ASSERT_TRUE(Run(LoanConfig(500)).ok());
  const Batch whole = ReadAll(*Open(SplitPart::kTrain));
  std::filesystem::remove_all(Path("out"));
  RunConfig config = JoinConfigOf(500);
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const Batch joined = ReadAll(*Open(SplitPart::kTrain));
  const auto all_but_last = static_cast<ptrdiff_t>(whole.categories.size()) - 1;
  EXPECT_TRUE(std::equal(whole.categories.begin(), whole.categories.begin() + all_but_last,
                         joined.categories.begin()));
  EXPECT_EQ(joined.numeric.size(), whole.numeric.size());
  const DataReport& report = prepared->report;
  ASSERT_EQ(report.inputs.size(), 2u);
  EXPECT_EQ(report.inputs[1].path, config.data.join.path);
  EXPECT_EQ(report.columns[0].role, "key");
  EXPECT_EQ(report.columns[3].role, "number");
  EXPECT_EQ(report.columns[4].role, "category");
  EXPECT_EQ(report.columns[4].missing, 1u);
  ASSERT_NE(Unmatched(report), nullptr);
  EXPECT_EQ(Unmatched(report)->sentence,
            absl::StrCat(config.data.path,
                         ": column 'id': 1 of 500 values (0.2 %), the first "
                         "'499.0' in line 501, are in no row of ",
                         config.data.join.path,
                         "; the columns that it brings (data.join) are missing in these rows"));
}

TEST_F(PrepareJoin, TheEncodingKnowsTheJoinAndWhatTheModelReadsOfIt) {
  RunConfig config = JoinConfigOf(500);
  config.data.drop.push_back("grade");
  ASSERT_TRUE(Run(config).ok());
  const auto encoding = LoadEncoding(Path("out"));
  ASSERT_TRUE(encoding.ok()) << encoding.status();
  EXPECT_EQ(encoding->join.source, config.data.join);
  EXPECT_EQ(encoding->join.columns, std::vector<std::string>{"amount"});
  EXPECT_FALSE(encoding->Reads("id"));
}

TEST_F(PrepareJoin, TheKeyIsAFeatureWhereItIsNamed) {
  RunConfig config = JoinConfigOf(500);
  config.data.numeric = {"id"};
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->report.columns[0].role, "number");
}

TEST_F(PrepareJoin, ATestFileIsJoinedUnlessItIsAlready) {
  RunConfig config = JoinConfigOf(500);
  config.data.test_path = Write("test.csv", "y,id\ngood,0\nbad,1\nbad,x\n");
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const Batch joined = ReadAll(*Open(SplitPart::kTest));
  EXPECT_EQ(joined.numeric[3], 0.0F) << "an amount is known: no indicator";
  const Warning& last = prepared->report.warnings.back();
  EXPECT_EQ(last.kind, "unmatched");
  EXPECT_TRUE(absl::StrContains(last.sentence, "test.csv: column 'id': 1 of 3 values"));
  std::filesystem::remove_all(Path("out"));
  config.data.test_path = Write("whole.csv", "y,amount,grade\ngood,100,A\nbad,137,B\nbad,,\n");
  ASSERT_TRUE(Run(config).ok());
  EXPECT_EQ(ReadAll(*Open(SplitPart::kTest)).categories, joined.categories);
  std::filesystem::remove_all(Path("out"));
  config.data.test_path = Write("half.csv", "y,id,amount\ngood,0,1\nbad,1,2\n");
  ExpectFailure(config, "half.csv: has columns that ", kExitUsage);
}

TEST_F(PrepareJoin, ALabelMayBeJoined) {
  RunConfig config = JoinConfigOf(500);
  std::swap(config.data.path, config.data.join.path);
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->report.rows_read, 499u);
  const auto encoding = LoadEncoding(Path("out"));
  EXPECT_TRUE(encoding->join.columns.empty()) << "predict needs no join";
}

TEST_F(PrepareJoin, FaultsOfTheSecondFileAreNamed) {
  RunConfig config = JoinConfigOf(500);
  config.data.join.path = Path("gone.csv");
  ExpectFailure(config, "gone.csv", kExitFatal);
  config.data.join.path = Write("twice.csv", "id,z\n1,a\n01,b\n1.0,c\n");
  ExpectFailure(config, "twice.csv:4: the key '1' (column 'id') stands in line 2 too", kExitFatal);
  config.data.join.path = Write("other.csv", "ID,z\n1,a\n");
  ExpectFailure(config, "other.csv: there is no column 'id' (data.join.key); did you mean 'ID'?",
                kExitUsage);
}

}  // namespace
}  // namespace rubato
