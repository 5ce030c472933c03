#include "worker/data/encode/prior.h"

#include <gtest/gtest.h>

#include <cmath>

#include "worker/spec/target.h"

namespace rubato {
namespace {

TEST(Prior, BeginsAtTheLogOddsOfTheTrainingRows) {
  const Prior prior = {.positive_rate = 0.023};
  EXPECT_NEAR(prior.BaseMargin(), std::log(0.023 / 0.977), 1e-12);
  EXPECT_EQ(prior.Shift(), 0.0);
  EXPECT_NEAR(prior.ConstantLoss(), 0.109, 0.001);  // -0.023 ln 0.023 - 0.977 ln 0.977
}

TEST(Prior, WeightsThatMakeBothClassesAlikeBeginAtEvenOddsAndAreTakenBack) {
  const Prior prior = {.positive_rate = 0.1, .weights = {0.5 / 0.9, 0.5 / 0.1}};
  EXPECT_NEAR(prior.BaseMargin(), 0.0, 1e-12);
  EXPECT_NEAR(prior.ConstantLoss(), std::log(2.0), 1e-12);
  // Who knows nothing says 1/2 in the weighted world: in the real one that is the rate.
  EXPECT_NEAR(BinaryTarget::Predict(static_cast<float>(prior.Shift())), 0.1F, 1e-7F);
  EXPECT_EQ(prior.WeightOf(true), 5.0F);
}

TEST(Prior, GradientsAreOneSidedWherePositivesAreRareOrWeighMore) {
  EXPECT_NEAR((Prior{.positive_rate = 0.02}).OneSidedGradient(), std::sqrt(0.02 * 0.98) * 0.96,
              1e-12);
  EXPECT_EQ((Prior{.positive_rate = 0.5}).OneSidedGradient(), 0.0);
  // Even odds: each gradient is half of its row's weight, 2.5 or 5/18.
  const Prior weighted = {.positive_rate = 0.1, .weights = {0.5 / 0.9, 0.5 / 0.1}};
  EXPECT_NEAR(weighted.OneSidedGradient(), std::sqrt(2.5 * 5 / 18) * 0.8, 1e-12);
}

TEST(Prior, UncorrectedPredictionsStayAsTheyWere) {
  const Prior prior = {.positive_rate = 0.1, .weights = {0.5 / 0.9, 5.0}, .corrected = false};
  EXPECT_EQ(prior.Shift(), 0.0);
  EXPECT_NEAR(prior.BaseMargin(), 0.0, 1e-12);
}

}  // namespace
}  // namespace rubato
