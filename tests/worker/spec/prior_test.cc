#include "worker/spec/prior.h"

#include <gtest/gtest.h>

#include <cmath>
#include <variant>
#include <vector>

#include "worker/spec/target.h"

namespace rubato {
namespace {

// Rows of which `share` have label 1; a thousand.
LabelSums RowsWith(double share, float offset = 0.0F) {
  LabelSums sums;
  const auto positives = static_cast<int>(std::lround(share * 1000));
  for (int i = 0; i < 1000; ++i) {
    sums.Add({.label = i < positives ? 1.0F : 0.0F, .offset = offset});
  }
  return sums;
}

constexpr ClassWeights kAlike = {0.5 / 0.9, 0.5 / 0.1};  // of a tenth positives

TEST(Prior, BeginsAtTheLogOddsOfTheTrainingRows) {
  const Constant constant = BinaryTarget::FitConstant(RowsWith(0.023), {1.0, 1.0});
  EXPECT_NEAR(constant.margin, std::log(0.023 / 0.977), 1e-12);
  EXPECT_NEAR(constant.predictions[0], 0.023, 1e-12);
}

TEST(Prior, LeavesOutWhatOffsetsAddToTheMargin) {
  const Constant constant = BinaryTarget::FitConstant(RowsWith(0.2, -1.5F), {1.0, 1.0});
  EXPECT_NEAR(constant.margin, std::log(0.2 / 0.8) + 1.5, 1e-12);
}

TEST(Prior, WeightsThatMakeBothClassesAlikeBeginAtEvenOdds) {
  const Constant constant = BinaryTarget::FitConstant(RowsWith(0.1), kAlike);
  EXPECT_NEAR(constant.margin, 0.0, 1e-12);
  EXPECT_NEAR(constant.predictions[0], 0.1, 1e-12) << "what is said of the world as it is";
}

TEST(Prior, GradientsAreOneSidedWherePositivesAreRareOrWeighMore) {
  EXPECT_NEAR(BinaryTarget::FitConstant(RowsWith(0.02), {1.0, 1.0}).one_sided_gradient,
              std::sqrt(0.02 * 0.98) * 0.96, 1e-12);
  EXPECT_EQ(BinaryTarget::FitConstant(RowsWith(0.5), {1.0, 1.0}).one_sided_gradient, 0.0);
  // Even odds: each gradient is half of its row's weight, 2.5 or 5/18.
  EXPECT_NEAR(BinaryTarget::FitConstant(RowsWith(0.1), kAlike).one_sided_gradient,
              std::sqrt(2.5 * 5 / 18) * 0.8, 1e-12);
}

// Labels 1, 2 and 9 with weights 3, 0 and 1: a mean of 3, squares of 3 * 4 + 36.
TEST(LabelSums, AreWeighted) {
  LabelSums sums;
  for (const LabelRow& row : {LabelRow{1, 3, 0}, LabelRow{2, 0, 5}, LabelRow{9, 1, 0}}) {
    sums.Add(row);
  }
  EXPECT_EQ(sums.rows, 3u);
  EXPECT_EQ(sums.labels, 12.0);
  EXPECT_EQ(sums.mean(), 3.0);
  EXPECT_NEAR(sums.deviation(), std::sqrt(48.0 / 4), 1e-12);
  EXPECT_EQ(sums.mean_offset(), 0.0);
  EXPECT_EQ(sums.least, 1.0);
  EXPECT_EQ(sums.most, 9.0);
}

TEST(LabelSums, ADeviationIsNotLostBesideALargeMean) {
  LabelSums sums;
  for (int i = 0; i < 1000; ++i) sums.Add({.label = 1e6F + static_cast<float>(i % 2)});
  EXPECT_NEAR(sums.deviation(), 0.5, 1e-6);
}

// 3 events in an exposure of 2 + 4.
TEST(Prior, CountsBeginAtTheRate) {
  LabelSums sums;
  sums.Add({.label = 0, .offset = std::log(2.0F)});
  sums.Add({.label = 3, .offset = std::log(4.0F)});
  const Constant constant = CountTarget::FitConstant(sums, {1.0, 1.0});
  EXPECT_NEAR(constant.predictions[0], 0.5, 1e-7);
  EXPECT_NEAR(constant.margin, std::log(0.5), 1e-7);
  EXPECT_NEAR(PredictConstant(CountTarget(), 0.5, std::log(4.0F)), 2.0, 1e-6);
}

// The mean gradient at the constant is 0, and its root mean square times the one-sidedness of its
// skewness is what is said.
TEST(Prior, MeansBeginWhereTheirGradientIsNone) {
  LabelSums sums;
  const std::vector<float> labels = {1, 2, 3, 10};
  for (const float label : labels) sums.Add({.label = label});
  const auto slopes = [&](const auto& target, double margin) {
    double sum = 0.0;
    for (const float label : labels) {
      sum += double{target.loss(static_cast<float>(margin), label).slope};
    }
    return sum;
  };
  const Constant amount = AmountTarget::FitConstant(sums, {1.0, 1.0});
  EXPECT_NEAR(slopes(AmountTarget(), amount.margin), 0.0, 1e-5);
  const Constant tweedie = TweedieTarget().FitConstant(sums, {1.0, 1.0});
  EXPECT_NEAR(slopes(TweedieTarget(), tweedie.margin), 0.0, 1e-5);
  EXPECT_EQ(amount.predictions[0], 4.0);
  EXPECT_EQ(tweedie.predictions[0], 4.0);
  EXPECT_GT(tweedie.one_sided_gradient, 0.0);

  const Constant real = RealTarget::FitConstant(sums, {1.0, 1.0});
  const auto fitted = std::get<RealTarget>(
      Fitted(RealTarget(), {.predictions = real.predictions, .scale = real.scale}));
  EXPECT_NEAR(slopes(fitted, real.margin), 0.0, 1e-5);
  EXPECT_EQ(fitted.Predict(0.0F), 4.0F);
  EXPECT_NEAR(double{fitted.Predict(1.0F)}, 4.0 + std::sqrt(12.5), 1e-5);
}

TEST(MakeTarget, TakesItsNumbersAndRefusesOnesThatItDoesNotRead) {
  TargetConfig config;
  config.kind = "tweedie";
  config.power = 1.3;
  EXPECT_EQ(std::get<TweedieTarget>(*MakeTarget(config)).loss.power, 1.3F);
  config.kind = "count";
  EXPECT_EQ(MakeTarget(config).status().message(),
            "target.power means nothing where target.kind = \"count\"; leave it out");
  config = TargetConfig();
  config.kind = "real";
  config.huber = 1.5;
  EXPECT_EQ(std::get<RealTarget>(*MakeTarget(config)).loss.delta, 1.5F);
  config = TargetConfig();
  config.exposure = "years";
  EXPECT_FALSE(MakeTarget(config).ok()) << "a binary label has none";
}

}  // namespace
}  // namespace rubato
