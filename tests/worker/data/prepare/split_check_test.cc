#include "worker/data/prepare/split_check.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

SplitRows WithPositives(size_t rows, const std::vector<size_t>& positives) {
  SplitRows made;
  made.classes.resize(rows);
  for (const size_t row : positives) made.classes[row] = LabelClass::kPositive;
  return made;
}

struct Checked {
  absl::StatusOr<RowParts> parts;
  std::vector<Warning> warnings;
  std::string message() const { return std::string(parts.status().message()); }
};

Checked Check(const SplitRows& rows, const SplitConfig& split,
              TestFile test_file = TestFile::kNone) {
  std::vector<Warning> warnings;
  auto parts = MakeCheckedSplit(rows, split, test_file, "t.csv", &warnings);
  return {std::move(parts), std::move(warnings)};
}

TEST(SplitCheck, EnoughRowsOfBothClassesAreNothingToSpeakOf) {
  SplitRows rows = WithPositives(1000, {});
  for (size_t i = 0; i < 1000; i += 3) rows.classes[i] = LabelClass::kPositive;
  const Checked checked = Check(rows, SplitConfig());
  ASSERT_TRUE(checked.parts.ok());
  EXPECT_FALSE(checked.parts->stratified);
  EXPECT_TRUE(checked.warnings.empty());
}

TEST(SplitCheck, StrataAreSaidAndSoAreFewRows) {
  const Checked checked = Check(WithPositives(500, {0, 1, 2, 3, 4, 5}), SplitConfig());
  ASSERT_TRUE(checked.parts.ok()) << checked.parts.status();
  ASSERT_EQ(checked.warnings.size(), 2u);
  EXPECT_EQ(checked.warnings[0].kind, "stratified");
  EXPECT_EQ(
      checked.warnings[0].sentence,
      "there are few rows of a class (6 positive), so the split is stratified: rows of either "
      "class are cut by the percents; positive: train 4, validation 1, test 1");
  EXPECT_EQ(checked.warnings[1].kind, "few_rows");
  EXPECT_EQ(checked.warnings[1].sentence,
            "figures of a part with fewer than 5 rows of a class say little; positive: train 4, "
            "validation 1, test 1");
}

TEST(SplitCheck, FewerRowsThanPartsNameValuesThatWork) {
  const Checked two = Check(WithPositives(500, {3, 4}), SplitConfig());
  EXPECT_EQ(two.parts.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(two.message(),
                                "t.csv: the test part would have 75 rows, 0 of them positive, and "
                                "needs rows of both classes; these values work: "
                                "split.validation_percent = 0, train.best_epoch = false"))
      << two.message();
  SplitConfig split;
  split.validation_percent = 0;
  EXPECT_TRUE(Check(WithPositives(500, {3, 4}), split).parts.ok());
  EXPECT_TRUE(absl::EndsWith(Check(WithPositives(500, {3}), SplitConfig()).message(),
                             "the file has 1 positive and 499 negative rows: add rows, 3 of each "
                             "class at least"));
  EXPECT_TRUE(
      absl::StrContains(Check(WithPositives(500, {3}), SplitConfig(), TestFile::kGiven).message(),
                        "these values work: split.validation_percent = 0"));
}

TEST(SplitCheck, ATimeSplitNamesPercentsThatWork) {
  std::vector<size_t> early;
  for (size_t i = 0; i < 80; ++i) early.push_back(i);
  SplitRows rows = WithPositives(100, early);
  for (size_t i = 0; i < 100; ++i) rows.times.push_back(static_cast<double>(i));
  SplitConfig split;
  split.kind = "time";
  const Checked checked = Check(rows, split);
  EXPECT_TRUE(absl::StrContains(checked.message(), "the train part would have 70 rows, 70 of"))
      << checked.message();
  EXPECT_TRUE(absl::EndsWith(checked.message(), "or use split.kind = \"hash\""));
  rows.classes[10] = LabelClass::kNegative;
  rows.classes[62] = LabelClass::kNegative;
  const std::string works = Check(rows, split).message();
  EXPECT_TRUE(absl::EndsWith(works, "these values work: split.train_percent = 60")) << works;
  split.train_percent = 60;
  const Checked fixed = Check(rows, split);
  ASSERT_TRUE(fixed.parts.ok()) << fixed.parts.status();
  EXPECT_FALSE(fixed.parts->stratified);
  ASSERT_EQ(fixed.warnings.size(), 1u);
  EXPECT_EQ(fixed.warnings[0].kind, "few_rows");
}

TEST(SplitCheck, GroupsNameASeedThatWorks) {
  SplitRows rows = WithPositives(60, {0, 1, 2, 3, 4});
  for (size_t i = 0; i < 60; ++i) rows.groups.push_back(SplitHash(absl::StrCat("g", i % 20)));
  SplitConfig split;
  split.group = "g";
  split.seed = 1;
  while (Check(rows, split).parts.ok()) ++split.seed;
  const std::string message = Check(rows, split).message();
  const std::string key = "these values work: split.seed = ";
  const size_t at = message.find(key);
  ASSERT_NE(at, std::string::npos) << message;
  split.seed = std::stoll(message.substr(at + key.size()));
  EXPECT_TRUE(Check(rows, split).parts.ok());
}

TEST(SplitCheck, TooFewGroupsAreCounted) {
  SplitRows rows = WithPositives(30, {0, 1, 2, 3, 4});
  for (size_t i = 0; i < 30; ++i) rows.groups.push_back(SplitHash(absl::StrCat(i % 2)));
  SplitConfig split;
  split.group = "qid";
  const std::string message = Check(rows, split).message();
  EXPECT_TRUE(absl::StrContains(message, "part of the 2 groups would have")) << message;
  split.validation_percent = 0;
  rows.groups.assign(30, SplitHash("1"));
  const std::string one = Check(rows, split).message();
  EXPECT_TRUE(absl::StrContains(one, "these values work: split.group = \"\" (stratified)")) << one;
}

// A label that is no class: rows are all that a part needs.
TEST(SplitCheck, WithoutClassesAPartNeedsRowsAlone) {
  SplitRows rows = WithPositives(100, {});
  rows.two_classes = false;
  std::vector<Warning> warnings;
  const auto made = MakeCheckedSplit(rows, SplitConfig(), TestFile::kNone, "x.csv", &warnings);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_FALSE(made->stratified);
  EXPECT_TRUE(warnings.empty());
  rows.classes.assign(100, LabelClass::kIgnored);
  const auto empty = MakeCheckedSplit(rows, SplitConfig(), TestFile::kNone, "x.csv", &warnings);
  EXPECT_EQ(empty.status().message(),
            "x.csv: the train part would have 0 rows; the file has 0 rows with a label: add some");
}

}  // namespace
}  // namespace rubato
