#include "worker/spec/prior.h"

#include <gtest/gtest.h>

#include <cmath>

#include "worker/spec/target.h"

namespace rubato {
namespace {

// Rows of which `share` have label 1; a thousand.
LabelSums RowsWith(double share, float offset = 0.0F) {
  LabelSums sums;
  const auto positives = static_cast<int>(std::lround(share * 1000));
  for (int i = 0; i < 1000; ++i) sums.Add(i < positives ? 1.0F : 0.0F, offset);
  return sums;
}

constexpr ClassWeights kAlike = {0.5 / 0.9, 0.5 / 0.1};  // of a tenth positives

TEST(Prior, BeginsAtTheLogOddsOfTheTrainingRows) {
  const Constant constant = BinaryTarget::FitConstant(RowsWith(0.023), {1.0, 1.0});
  EXPECT_NEAR(constant.margin, std::log(0.023 / 0.977), 1e-12);
  EXPECT_NEAR(constant.prediction, 0.023, 1e-12);
}

TEST(Prior, LeavesOutWhatOffsetsAddToTheMargin) {
  const Constant constant = BinaryTarget::FitConstant(RowsWith(0.2, -1.5F), {1.0, 1.0});
  EXPECT_NEAR(constant.margin, std::log(0.2 / 0.8) + 1.5, 1e-12);
}

TEST(Prior, WeightsThatMakeBothClassesAlikeBeginAtEvenOdds) {
  const Constant constant = BinaryTarget::FitConstant(RowsWith(0.1), kAlike);
  EXPECT_NEAR(constant.margin, 0.0, 1e-12);
  EXPECT_NEAR(constant.prediction, 0.1, 1e-12) << "what is said of the world as it is";
}

TEST(Prior, GradientsAreOneSidedWherePositivesAreRareOrWeighMore) {
  EXPECT_NEAR(BinaryTarget::FitConstant(RowsWith(0.02), {1.0, 1.0}).one_sided_gradient,
              std::sqrt(0.02 * 0.98) * 0.96, 1e-12);
  EXPECT_EQ(BinaryTarget::FitConstant(RowsWith(0.5), {1.0, 1.0}).one_sided_gradient, 0.0);
  // Even odds: each gradient is half of its row's weight, 2.5 or 5/18.
  EXPECT_NEAR(BinaryTarget::FitConstant(RowsWith(0.1), kAlike).one_sided_gradient,
              std::sqrt(2.5 * 5 / 18) * 0.8, 1e-12);
}

}  // namespace
}  // namespace rubato
