#include "worker/data/split.h"

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "worker/data/digest.h"

namespace rubato {
namespace {

// int(hashlib.md5(str(row).encode()).hexdigest()[:8], 16) % 100
TEST(Split, HashIsThePublishedOne) {
  EXPECT_EQ(SplitHash(12), 51u);
  EXPECT_EQ(SplitHash(0), 16u);
  EXPECT_EQ(SplitHash(29999), 94u);
  EXPECT_EQ(SplitHash(123456789), 40u);
}

TEST(Split, HashPartsOfThirtyThousandRows) {
  std::map<SplitPart, int> counts;
  for (uint64_t row = 0; row < 30'000; ++row) {
    ++counts[HashSplit(row, SplitConfig{}, TestFile::kNone)];
  }
  EXPECT_EQ(counts[SplitPart::kTrain], 20'915);
  EXPECT_EQ(counts[SplitPart::kValidation], 4'662);
  EXPECT_EQ(counts[SplitPart::kTest], 4'423);
}

TEST(Split, ATestFileLeavesAllButValidationToTraining) {
  for (uint64_t row = 0; row < 1000; ++row) {
    const SplitPart alone = HashSplit(row, SplitConfig{}, TestFile::kNone);
    const SplitPart beside = HashSplit(row, SplitConfig{}, TestFile::kGiven);
    EXPECT_EQ(beside, alone == SplitPart::kTest ? SplitPart::kTrain : alone);
  }
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
  const auto parts = TimeSplit(times, SplitConfig{}, TestFile::kNone);
  for (size_t i = 0; i < times.size(); ++i) {
    EXPECT_EQ(parts[i], times[i] < 70   ? SplitPart::kTrain
                        : times[i] < 85 ? SplitPart::kValidation
                                        : SplitPart::kTest);
  }
  const auto tied = TimeSplit({1, 2, 2, 2, 2, 2, 2, 2, 2, 3}, SplitConfig{}, TestFile::kNone);
  EXPECT_EQ(tied, (std::vector<SplitPart>{SplitPart::kTrain, SplitPart::kTest, SplitPart::kTest,
                                          SplitPart::kTest, SplitPart::kTest, SplitPart::kTest,
                                          SplitPart::kTest, SplitPart::kTest, SplitPart::kTest,
                                          SplitPart::kTest}));
}

TEST(Split, RowsWithoutATimeAreDroppedAndATestFileTakesNoRows) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  const auto parts = TimeSplit({4, none, 1, 2, 3}, SplitConfig{}, TestFile::kGiven);
  EXPECT_EQ(parts,
            (std::vector<SplitPart>{SplitPart::kValidation, SplitPart::kDropped, SplitPart::kTrain,
                                    SplitPart::kTrain, SplitPart::kValidation}));
}

// Test vectors of RFC 1321.
TEST(Digest, Md5Prefix) {
  EXPECT_EQ(Md5Prefix(""), 0xd41d8cd9u);
  EXPECT_EQ(Md5Prefix("abc"), 0x90015098u);
}

}  // namespace
}  // namespace rubato
