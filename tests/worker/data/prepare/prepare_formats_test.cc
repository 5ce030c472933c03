#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/worker/data/prepare/prepare_fixture.h"
#include "worker/data/encode/encoding_json.h"
#include "worker/data/prepare/data_json.h"
#include "worker/data/prepare/prepare.h"

namespace rubato {
namespace {

using PrepareFormats = PrepareFixture;

std::string Libsvm(int rows) {
  std::string text;
  for (int i = 0; i < rows; ++i) {
    absl::StrAppend(&text, i % 3 == 0 ? "+1" : "-1", " ", 1 + i % 5, ":1 ", 7 + i % 11, ":0.5\n");
  }
  return text;
}

TEST_F(PrepareFormats, LibsvmWithATestFile) {
  RunConfig config;
  config.data.format = "libsvm";
  config.data.path = Write("train.svm", Libsvm(500));
  config.data.test_path = Write("test.svm", "-1 2:1\n1 3:1 40:2\n");
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->report.rows_read, 502u);
  EXPECT_EQ(prepared->report.shape.sparse_keys, 41u);
  EXPECT_EQ(prepared->report.parts[2].rows, 2u);
  EXPECT_EQ(prepared->report.parts[2].labels, 1);
  EXPECT_EQ(prepared->report.parts[0].rows + prepared->report.parts[1].rows, 500u);
  const Batch test = ReadAll(*Open(SplitPart::kTest));
  EXPECT_EQ(test.keys, (std::vector<uint64_t>{2, 3, 40}));
  EXPECT_EQ(test.values, (std::vector<float>{1, 1, 2}));
  const auto encoding = ParseEncoding(*ReadChecksummedText(Path("out/data/encoding.json")));
  ASSERT_TRUE(encoding.ok());
  EXPECT_EQ(encoding->format, "libsvm");
  EXPECT_EQ(encoding->sparse_keys, 41u);
  EXPECT_EQ(encoding->indices, (IndexRange{1, 17}));
  EXPECT_EQ(encoding->trained_indices, (std::vector<IndexRange>{{1, 5}, {7, 17}}));
  ASSERT_FALSE(prepared->report.warnings.empty());
  EXPECT_TRUE(absl::EndsWith(prepared->report.warnings.back().sentence,
                             "test.svm: 1 of 3 features, the first 40 in line 2, were never seen "
                             "in training"))
      << prepared->report.warnings.back().sentence;
}

TEST_F(PrepareFormats, LibsvmFilesThatCountFromDifferentNumbersAreRefused) {
  RunConfig config;
  config.data.format = "libsvm";
  config.data.path = Write("train.svm", Libsvm(500));
  config.data.test_path = Write("test.svm", "-1 2:1\n1 0:1\n");
  ExpectFailure(config, "test.svm: its indices begin at 0 and those of the training file at 1",
                kExitUsage);
  config.data.path = Write("zero.svm", Libsvm(500) + "1 0:1\n");
  config.data.test_path = Write("one.svm", "-1 1:1\n1 2:1 18:1\n");
  ExpectFailure(config, "one.svm: its indices begin at 1 and those of the training file at 0",
                kExitUsage);
  config.data.test_path = Write("some.svm", "-1 1:1\n1 2:1 17:1\n");
  EXPECT_TRUE(Run(config).ok());
}

TEST_F(PrepareFormats, LibsvmBadInputs) {
  RunConfig config;
  config.data.format = "libsvm";
  config.data.path = Write("bad.svm", Libsvm(500) + "1 3:x\n");
  ExpectFailure(config, "bad.svm:501: the value of '3:x'", kExitFatal);
  config.data.path = Write("three.svm", Libsvm(500) + "7 3:1\n");
  ExpectFailure(config, "the label is not binary, it holds '1' (167 rows), '-1' (333 rows), '7'",
                kExitFatal);
  config.data.path = Write("empty.svm", "# nothing\n");
  ExpectFailure(config, "empty.svm: has no rows", kExitFatal);
}

TEST_F(PrepareFormats, LibsvmFromZeroAndInAnyOrder) {
  RunConfig config;
  config.data.format = "libsvm";
  config.data.path = Write("train.svm", Libsvm(500) + "1 qid:3 9:2 0:1\n");
  config.data.test_path = Write("test.svm", "-1 4:2 0:1 # one\n1 3:1\n");
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(ReadAll(*Open(SplitPart::kTest)).keys, (std::vector<uint64_t>{0, 4, 3}));
}

TEST_F(PrepareFormats, LibsvmGroupsByQid) {
  std::string text;
  for (int i = 0; i < 600; ++i) {
    absl::StrAppend(&text, i % 2, " qid:", i / 10, " ", 1 + i / 10, ":1\n");
  }
  RunConfig config;
  config.data.format = "libsvm";
  config.data.path = Write("train.svm", text);
  config.split.group = "qid";
  ASSERT_TRUE(Run(config).ok());
  // The key of a row is its group: no key is in two parts.
  std::vector<std::vector<uint64_t>> keys;
  for (size_t i = 0; i < kSplitParts; ++i) {
    Batch batch = ReadAll(*Open(static_cast<SplitPart>(i)));
    std::sort(batch.keys.begin(), batch.keys.end());
    keys.push_back(batch.keys);
    for (size_t j = 0; j < i; ++j) {
      std::vector<uint64_t> both;
      std::set_intersection(keys[i].begin(), keys[i].end(), keys[j].begin(), keys[j].end(),
                            std::back_inserter(both));
      EXPECT_TRUE(both.empty());
    }
  }
  std::filesystem::remove_all(Path("out"));
  config.data.path = Write("without.svm", text + "1 3:1\n");
  ExpectFailure(config, "without.svm:601: the row has no qid", kExitFatal);
}

TEST_F(PrepareFormats, AGroupIsAnIdAndNoFeature) {
  RunConfig config = LoanConfig(600);
  config.data.drop = {"when"};
  config.split.group = "id";
  config.split.seed = 3;
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->report.columns[0].role, "group");
  EXPECT_EQ(prepared->report.shape.numeric_columns, 2u);  // amount, and whether it is missing
  const std::string json = *ReadChecksummedText(Path("out/data/cleansing.json"));
  EXPECT_TRUE(absl::StrContains(json,
                                "\"kind\": \"hash\",\n  \"seed\": 3,\n  \"group\": "
                                "\"id\",\n  \"test_from\": \"\",\n  \"stratified\": false"))
      << json;
  RunConfig changed = config;
  changed.split.seed = 4;
  changed.split.group = "";
  const auto resumed = Run(changed, PrepareMode::kResume);
  EXPECT_TRUE(absl::StrContains(resumed.status().message(), "split.seed (3, now 4), split.group"))
      << resumed.status();
  std::filesystem::remove_all(Path("out"));
  config.data.numeric = {"id"};
  const auto kept = Run(config);
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_EQ(kept->report.columns[0].role, "number");
  std::filesystem::remove_all(Path("out"));
  config.split.group = "customer";
  ExpectFailure(config, "there is no column 'customer' (split.group)", kExitUsage);
}

TEST_F(PrepareFormats, RowsWithoutAGroupAreEachOne) {
  std::string text = "customer,x,y\n";
  for (int i = 0; i < 600; ++i) {
    absl::StrAppend(&text, i % 2 == 0 ? "" : absl::StrCat("c", i / 4), ",", i % 7, ",", i % 3 % 2,
                    "\n");
  }
  RunConfig config;
  config.data.path = Write("some.csv", text);
  config.data.label = "y";
  config.split.group = "customer";
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_GT(prepared->report.parts[2].rows, 40u);
  ASSERT_FALSE(prepared->report.warnings.empty());
  EXPECT_EQ(prepared->report.warnings[0].kind, "ungrouped");
  EXPECT_TRUE(absl::StrContains(prepared->report.warnings[0].sentence, "is missing in 300 rows"));
}

TEST_F(PrepareFormats, AGroupIsOneHoweverItsNumberIsWritten) {
  const auto groups = [this](const std::string& ids) {
    ScanRequest request;
    request.label = "y";
    request.group = "id";
    const auto scan = ScanCsv({.path = Write("ids.csv", "id,y,w\n" + ids)}, request);
    EXPECT_TRUE(scan.ok()) << scan.status();
    return scan->groups;
  };
  const auto same = groups("5,0,b\n5.0,1,a\n01,0,b\n1,1,a\n");
  EXPECT_EQ(same[0], same[1]);
  EXPECT_NE(same[2], same[3]) << "01 is a code";
}

TEST_F(PrepareFormats, AnIdThatRepeatsIsSaidUnlessItGathers) {
  std::string text = "customer_id,age,y\n";
  for (int i = 0; i < 600; ++i) absl::StrAppend(&text, i / 3, ",", i % 97, ".5,", i % 2, "\n");
  RunConfig config;
  config.data.path = Write("panel.csv", text);
  config.data.label = "y";
  config.data.drop = {"customer_id"};
  const auto hints = [&] {
    const auto prepared = Run(config);
    EXPECT_TRUE(prepared.ok()) << prepared.status();
    std::filesystem::remove_all(Path("out"));
    return std::count_if(prepared->report.warnings.begin(), prepared->report.warnings.end(),
                         [](const Warning& warning) { return warning.kind == "repeating_id"; });
  };
  EXPECT_EQ(hints(), 1);
  config.data.drop = {};
  config.split.group = "customer_id";
  EXPECT_EQ(hints(), 0);
}

TEST_F(PrepareFormats, GroupsThatATestFileSharesAreCounted) {
  const auto rows = [](int from, int to) {
    std::string text = "customer,x,y\n";
    for (int i = from; i < to; ++i) absl::StrAppend(&text, i / 4, ",", i % 7, ",", i % 3 % 2, "\n");
    return text;
  };
  RunConfig config;
  config.data.path = Write("old.csv", rows(0, 600));
  config.data.test_path = Write("new.csv", rows(590, 700) + "147.0,1,0\n,1,0\nnew,1,0\n");
  config.data.label = "y";
  config.split.group = "customer";
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const Warning& warning = prepared->report.warnings.back();
  EXPECT_EQ(warning.kind, "shared_groups");
  EXPECT_TRUE(absl::StrContains(
      warning.sentence, "new.csv: 11 of 112 rows are of groups ('customer', 3 of them) that "))
      << warning.sentence;
  std::filesystem::remove_all(Path("out"));
  RunConfig libsvm;
  libsvm.data.format = "libsvm";
  libsvm.split.group = "qid";
  std::string text;
  for (int i = 0; i < 600; ++i) absl::StrAppend(&text, i % 2, " qid:", i / 10, " 1:1\n");
  libsvm.data.path = Write("old.svm", text);
  libsvm.data.test_path = Write("new.svm", "0 qid:59 1:1\n1 qid:60 1:1\n1 1:1\n");
  const auto sparse = Run(libsvm);
  ASSERT_TRUE(sparse.ok()) << sparse.status();
  EXPECT_TRUE(absl::StrContains(sparse->report.warnings.back().sentence,
                                "new.svm: 1 of 2 rows are of groups ('qid', 1 of them) that "))
      << sparse->report.warnings.back().sentence;
}

TEST_F(PrepareFormats, SixPositivesAreEnough) {
  std::string text = "amount,fraud\n";
  for (int i = 0; i < 900; ++i) {
    absl::StrAppend(&text, i * 37 % 101, ",", i % 150 == 0 ? 1 : 0, "\n");
  }
  RunConfig config;
  config.data.path = Write("rare.csv", text);
  config.data.label = "fraud";
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_TRUE(prepared->report.split.stratified);
  EXPECT_EQ(prepared->report.parts[0].labels, 4);
  EXPECT_EQ(prepared->report.parts[1].labels, 1);
  EXPECT_EQ(prepared->report.parts[2].labels, 1);
  EXPECT_TRUE(absl::StrContains(*ReadChecksummedText(Path("out/data/cleansing.json")),
                                "\"stratified\": true"));
}

TEST_F(PrepareFormats, AFileWithoutAHeader) {
  const std::string loans = Loans(600);
  RunConfig config = LoanConfig(600);
  config.data.path = Write("bare.csv", loans.substr(loans.find('\n') + 1));
  config.data.label = "column_5";
  config.data.drop = {"column_1", "column_4"};
  ExpectFailure(config, "bare.csv: the first line looks like a row", kExitUsage);
  config.data.header = HeaderLine::kNo;
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->report.rows_read, 600u);
  const auto encoding = ParseEncoding(*ReadChecksummedText(Path("out/data/encoding.json")));
  ASSERT_TRUE(encoding.ok());
  EXPECT_EQ(encoding->layout, (CsvLayout{.header = false}));
  EXPECT_EQ(encoding->columns, 5u);
  EXPECT_EQ(encoding->numeric[0].name, "column_2");
}

TEST_F(PrepareFormats, ATestFileIsLaidOutLikeTheTrainingFile) {
  RunConfig config = LoanConfig(600);
  config.data.path = Write("titled.csv", "Loans\n" + Loans(600));
  ExpectFailure(config, "titled.csv:1: a title seems to stand above the table", kExitFatal);
  config.data.skip_lines = 1;
  config.data.test_path = Write("test.csv", "Others\n" + Loans(50));
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->report.parts[2].rows, 50u);
}

TEST_F(PrepareFormats, ATestFileNeedNotHaveTheTitlesOfTheTrainingFile) {
  RunConfig config = LoanConfig(600);
  config.data.skip_lines = 1;
  config.data.path = Write("titled.csv", "Loans\n" + Loans(600));
  config.data.test_path = Write("test.csv", Loans(50));
  const auto named = Run(config);
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_EQ(named->report.parts[2].rows, 50u);
  const auto rows = [](int n) { return Loans(n).substr(Loans(n).find('\n') + 1); };
  config.data.header = HeaderLine::kNo;
  config.data.label = "column_5";
  config.data.drop = {"column_1", "column_4"};
  config.data.path = Write("titled.csv", "Loans,,,,\n" + rows(600));
  for (const char* title : {"", "Others,,,,\n"}) {
    std::filesystem::remove_all(Path("out"));
    config.data.test_path = Write("test.csv", title + rows(50));
    const auto prepared = Run(config);
    ASSERT_TRUE(prepared.ok()) << prepared.status();
    EXPECT_EQ(prepared->report.parts[2].rows, 50u) << title;
  }
}

TEST_F(PrepareFormats, NamesThatAreNotUtf8AreSaidToBe) {
  RunConfig config;
  config.data.path = Write("latin1.csv",
                           "x,D\xe9"
                           "faut\n1,0\n2,1\n");
  config.data.label =
      "D\xc3\xa9"
      "faut";
  ExpectFailure(config,
                "did you mean 'D\\xe9"
                "faut'?; the names in the file are not UTF-8: convert it, as "
                "in iconv -f cp1252 -t utf-8",
                kExitUsage);
}

TEST_F(PrepareFormats, GeneratedLoansKeepTheirTruth) {
  RunConfig config;
  config.data.format = "generated";
  config.data.rows = 2000;
  config.data.seed = 3;
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->report.rows_read, 2000u);
  EXPECT_EQ(prepared->report.inputs[0].path, "generated: 2000 rows, seed 3");
  EXPECT_FALSE(std::filesystem::exists(Path("out/data/loans.csv")));
  for (const ColumnReport& column : prepared->report.columns) {
    EXPECT_EQ(column.role == "oracle", column.name == "true_pd");
    EXPECT_EQ(column.role == "label", column.name == "default");
  }
  const auto test = Open(SplitPart::kTest);
  ASSERT_EQ(test->oracle().size(), test->rows());
  // The labels follow the truth: their sum is within 5 standard deviations of its sum.
  double expected = 0.0;
  double variance = 0.0;
  for (const float p : test->oracle()) {
    expected += p;
    variance += p * (1.0 - p);
  }
  EXPECT_NEAR(prepared->report.parts[2].labels, expected, 5.0 * std::sqrt(variance));
}

class RealData : public PrepareFixture {
 protected:
  RealData() {
    if (const char* folder = std::getenv("RUBATO_DATA_DIR")) data_folder_ = folder;
  }
  std::string data_folder_;  // "" when there is none
};

constexpr char kNoRealData[] = "needs RUBATO_DATA_DIR, the folder of the real data sets";

TEST_F(RealData, TaiwanDefault) {
  if (data_folder_.empty()) GTEST_SKIP() << kNoRealData;
  RunConfig config;
  config.data.path = data_folder_ + "/taiwan_default/UCI_Credit_Card.csv.gz";
  config.data.label = "class";
  config.data.drop = {"ID"};
  config.data.categorical = {"SEX",   "EDUCATION", "MARRIAGE", "PAY_0", "PAY_2",
                             "PAY_3", "PAY_4",     "PAY_5",    "PAY_6"};
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const DataReport& report = prepared->report;
  EXPECT_EQ(report.rows_read, 30'000u);
  EXPECT_EQ(report.parts[0].rows, 20'915u);
  EXPECT_EQ(report.parts[1].rows, 4'662u);
  EXPECT_EQ(report.parts[2].rows, 4'423u);
  EXPECT_EQ(report.parts[0].labels + report.parts[1].labels + report.parts[2].labels, 6'636u);
  EXPECT_EQ(report.shape.category_columns, 9u);
  EXPECT_EQ(report.shape.numeric_columns, 14u);  // no value is missing
}

TEST_F(RealData, A9a) {
  if (data_folder_.empty()) GTEST_SKIP() << kNoRealData;
  RunConfig config;
  config.data.format = "libsvm";
  config.data.path = data_folder_ + "/a9a/a9a.gz";
  config.data.test_path = data_folder_ + "/a9a/a9a.t.gz";
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const DataReport& report = prepared->report;
  EXPECT_EQ(report.parts[0].rows, 32'561u - 5'036u);
  EXPECT_EQ(report.parts[1].rows, 5'036u);
  EXPECT_EQ(report.parts[2].rows, 16'281u);
  EXPECT_EQ(report.parts[2].labels, 3846);
  EXPECT_EQ(report.shape.sparse_keys, 124u);
}

}  // namespace
}  // namespace rubato
