#include "worker/data/prepare/number_label.h"

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

constexpr LabelDomain kCounts = {.least = 0.0, .whole = true, .words = "a number of claims"};

TEST(ReadNumberLabel, ReadsWhatTheDomainHolds) {
  EXPECT_EQ(*ReadNumberLabel("3", kCounts, DecimalComma::kNo), 3.0F);
  EXPECT_EQ(*ReadNumberLabel("0.0", kCounts, DecimalComma::kNo), 0.0F);
  EXPECT_EQ(*ReadNumberLabel("-0.5", LabelDomain(), DecimalComma::kNo), -0.5F);
  EXPECT_EQ(*ReadNumberLabel("1,5", LabelDomain(), DecimalComma::kYes), 1.5F);
}

TEST(TakeNumberLabel, KeepsAllDigitsThatAFloatHas) {
  EXPECT_EQ(*TakeNumberLabel(1234567.0, kCounts), 1234567.0F);
  EXPECT_FALSE(TakeNumberLabel(0.5, kCounts).ok());
}

TEST(ReadNumberLabel, NamesWhatIsNoneAndWhatTheTargetLearns) {
  for (const char* text : {"-1", "0.5", "none", "", "1e60", "inf"}) {
    const absl::Status status = ReadNumberLabel(text, kCounts, DecimalComma::kNo).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << text;
    EXPECT_TRUE(absl::StrContains(status.message(), absl::StrCat("'", text, "'"))) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "learns a number of claims")) << status;
  }
}

}  // namespace
}  // namespace rubato
