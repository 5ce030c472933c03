#include "worker/data/prepare/split.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "worker/data/prepare/digest.h"

namespace rubato {
namespace {

SplitRows Rows(std::vector<LabelClass> classes) { return {std::move(classes), {}, {}}; }

// Every `every`-th row is positive.
SplitRows Rows(size_t rows, size_t every) {
  std::vector<LabelClass> classes(rows);
  for (size_t i = 0; i < rows; i += every) classes[i] = LabelClass::kPositive;
  return Rows(std::move(classes));
}

SplitRows ByTime(std::vector<double> times) {
  SplitRows rows = Rows(times.size(), 2);
  rows.times = std::move(times);
  return rows;
}

SplitConfig TimeConfig() {
  SplitConfig split;
  split.kind = "time";
  return split;
}

uint32_t HundredthOf(uint64_t row) { return SplitHash(absl::StrCat(row)) % 100; }

// int(hashlib.md5(str(row).encode()).hexdigest()[:8], 16) % 100
TEST(Split, HashIsThePublishedOne) {
  EXPECT_EQ(HundredthOf(12), 51u);
  EXPECT_EQ(HundredthOf(0), 16u);
  EXPECT_EQ(HundredthOf(29999), 94u);
  EXPECT_EQ(HundredthOf(123456789), 40u);
}

TEST(Split, HashPartsOfThirtyThousandRows) {
  std::map<SplitPart, int> counts;
  const RowParts made = MakeSplit(Rows(30'000, 5), SplitConfig{}, TestFile::kNone);
  for (const SplitPart part : made.parts) ++counts[part];
  EXPECT_EQ(counts[SplitPart::kTrain], 20'915);
  EXPECT_EQ(counts[SplitPart::kValidation], 4'662);
  EXPECT_EQ(counts[SplitPart::kTest], 4'423);
  EXPECT_FALSE(made.stratified);
  EXPECT_EQ(made.parts[12], SplitPart::kTrain);
  EXPECT_EQ(made.parts[29999], SplitPart::kTest);
}

TEST(Split, ATestFileLeavesAllButValidationToTraining) {
  const auto alone = MakeSplit(Rows(1000, 2), SplitConfig{}, TestFile::kNone).parts;
  const auto beside = MakeSplit(Rows(1000, 2), SplitConfig{}, TestFile::kGiven).parts;
  for (size_t row = 0; row < alone.size(); ++row) {
    EXPECT_EQ(beside[row], alone[row] == SplitPart::kTest ? SplitPart::kTrain : alone[row]);
  }
}

// int(md5(f"7:{int(md5(str(row))[:8], 16)}")[:8], 16) % 100
TEST(Split, AnotherSeedMakesOtherParts) {
  SplitConfig split;
  split.seed = 7;
  const auto made = MakeSplit(Rows(2000, 2), split, TestFile::kNone).parts;
  const auto published = MakeSplit(Rows(2000, 2), SplitConfig{}, TestFile::kNone).parts;
  EXPECT_NE(made, published);
  for (size_t row = 0; row < 50; ++row) {
    const uint32_t h = SplitHash(absl::StrCat("7:", SplitHash(absl::StrCat(row)))) % 100;
    EXPECT_EQ(made[row], h < 70   ? SplitPart::kTrain
                         : h < 85 ? SplitPart::kValidation
                                  : SplitPart::kTest);
  }
}

TEST(Split, AGroupIsWholeInOnePart) {
  SplitRows rows = Rows(3000, 2);
  for (size_t row = 0; row < 3000; ++row) {
    rows.groups.push_back(SplitHash(absl::StrCat("customer ", row % 400)));
  }
  SplitConfig split;
  split.group = "customer";
  const RowParts made = MakeSplit(rows, split, TestFile::kNone);
  EXPECT_FALSE(made.stratified);
  for (size_t row = 400; row < 3000; ++row) EXPECT_EQ(made.parts[row], made.parts[row % 400]);
  const PartClasses counts = CountClasses(rows, made.parts);
  EXPECT_GT(counts[2][0] + counts[2][1], 200u);
}

// Six positives among a thousand rows: the hash would leave parts with none.
TEST(Split, FewRowsOfAClassAreStratified) {
  std::vector<LabelClass> classes(1000);
  for (const size_t row : std::vector<size_t>{3, 97, 151, 400, 555, 980})
    classes[row] = LabelClass::kPositive;
  classes[5] = LabelClass::kIgnored;
  const RowParts made = MakeSplit(Rows(classes), SplitConfig{}, TestFile::kNone);
  EXPECT_TRUE(made.stratified);
  EXPECT_EQ(made.parts[5], SplitPart::kDropped);
  const PartClasses counts = CountClasses(Rows(classes), made.parts);
  EXPECT_EQ(counts, (PartClasses{{{695, 4}, {149, 1}, {149, 1}}}));
  // Within a class the order is that of the hash.
  uint32_t last = 0;
  for (const SplitPart part : {SplitPart::kTrain, SplitPart::kValidation, SplitPart::kTest}) {
    uint32_t most = last;
    for (size_t row = 0; row < classes.size(); ++row) {
      if (made.parts[row] != part || classes[row] != LabelClass::kNegative) continue;
      EXPECT_GE(HundredthOf(row), last);
      most = std::max(most, HundredthOf(row));
    }
    last = most;
  }
}

TEST(Split, StrataGiveEachPartARowWhileThereAreSome) {
  const auto positives = [](size_t n, SplitConfig split, TestFile test_file) {
    std::vector<LabelClass> classes(200);
    for (size_t i = 0; i < n; ++i) classes[7 * i] = LabelClass::kPositive;
    const PartClasses counts =
        CountClasses(Rows(classes), MakeSplit(Rows(classes), split, test_file).parts);
    return std::vector<uint64_t>{counts[0][1], counts[1][1], counts[2][1]};
  };
  SplitConfig split;
  using Counts = std::vector<uint64_t>;
  EXPECT_EQ(positives(3, split, TestFile::kNone), (Counts{1, 1, 1}));
  EXPECT_EQ(positives(2, split, TestFile::kNone), (Counts{1, 1, 0}));
  EXPECT_EQ(positives(20, split, TestFile::kNone), (Counts{14, 3, 3}));
  EXPECT_EQ(positives(4, split, TestFile::kGiven), (Counts{3, 1, 0}));
  split.validation_percent = 0;
  EXPECT_EQ(positives(2, split, TestFile::kNone), (Counts{1, 0, 1}));
  EXPECT_EQ(positives(4, split, TestFile::kGiven), (Counts{4, 0, 0}));
}

TEST(Split, ParsesTimes) {
  EXPECT_EQ(ParseTime("2015.25"), 2015.25);
  EXPECT_EQ(ParseTime("2015-03-31"), 20150331000000.0);
  EXPECT_EQ(ParseTime("2015/03/31"), 20150331000000.0);
  EXPECT_EQ(ParseTime("2015-03-31 23:59"), 20150331235900.0);
  EXPECT_EQ(ParseTime("2015-03-31T23:59:07.5Z"), 20150331235907.0);
  for (const char* text : {"31/03/2015", "03/31/15", "yesterday", "2015-3-1", "", "2015-03-31x"}) {
    EXPECT_FALSE(ParseTime(text).has_value()) << text;
  }
}

TEST(Split, ByTimeTheOldestTrainAndEqualTimesStayTogether) {
  std::vector<double> times;
  for (int i = 0; i < 100; ++i) times.push_back(99 - i);
  const auto parts = MakeSplit(ByTime(times), TimeConfig(), TestFile::kNone).parts;
  for (size_t i = 0; i < times.size(); ++i) {
    EXPECT_EQ(parts[i], times[i] < 70   ? SplitPart::kTrain
                        : times[i] < 85 ? SplitPart::kValidation
                                        : SplitPart::kTest);
  }
  const auto tied =
      MakeSplit(ByTime({1, 2, 2, 2, 2, 2, 2, 2, 2, 3}), TimeConfig(), TestFile::kNone).parts;
  EXPECT_EQ(tied, (std::vector<SplitPart>{SplitPart::kTrain, SplitPart::kTest, SplitPart::kTest,
                                          SplitPart::kTest, SplitPart::kTest, SplitPart::kTest,
                                          SplitPart::kTest, SplitPart::kTest, SplitPart::kTest,
                                          SplitPart::kTest}));
}

TEST(Split, RowsWithoutATimeAreDroppedAndATestFileTakesNoRows) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  const auto parts = MakeSplit(ByTime({4, none, 1, 2, 3}), TimeConfig(), TestFile::kGiven).parts;
  EXPECT_EQ(parts,
            (std::vector<SplitPart>{SplitPart::kValidation, SplitPart::kDropped, SplitPart::kTrain,
                                    SplitPart::kTrain, SplitPart::kTrain}));
}

TEST(Split, TheTestMayBeginAtATime) {
  SplitConfig split = TimeConfig();
  split.test_from = "5";
  split.validation_percent = 25;
  const auto parts = [&split](const std::vector<double>& times) {
    std::string text;
    for (const SplitPart part : MakeSplit(ByTime(times), split, TestFile::kNone).parts) {
      text += absl::StrCat(static_cast<int>(part));
    }
    return text;
  };
  // Of those before it the newest quarter validates; train_percent has nothing to say.
  EXPECT_EQ(parts({1, 2, 3, 4, 5, 6, 7, 4.5, 5}), "000122212");
  EXPECT_EQ(parts({6, 1, 7, 2, 3, 4, 5}), "2020012");
  split.validation_percent = 0;
  EXPECT_EQ(parts({1, 2, 3, 4}), "0000");
  split.test_from = "1983-01-28";
  split.validation_percent = 50;
  const double before = *ParseTime("1983-01-27");
  const double day = *ParseTime("1983-01-28");
  EXPECT_EQ(MakeSplit(ByTime({before - 1e6, before, day, day + 1}), split, TestFile::kNone).parts,
            (std::vector<SplitPart>{SplitPart::kTrain, SplitPart::kValidation, SplitPart::kTest,
                                    SplitPart::kTest}));
}

// Test vectors of RFC 1321.
TEST(Digest, Md5Prefix) {
  EXPECT_EQ(Md5Prefix(""), 0xd41d8cd9u);
  EXPECT_EQ(Md5Prefix("abc"), 0x90015098u);
}

}  // namespace
}  // namespace rubato
