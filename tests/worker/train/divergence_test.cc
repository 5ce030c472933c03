#include "worker/train/divergence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/base/status.h"
#include "tests/worker/evaluate/batch_dataset.h"

namespace rubato {
namespace {

TEST(LossRange, IsThatOfTheRateAtTheMarginOfTheRate) {
  Rng rng(3);
  const BatchDataset data(MakeShape(0, {4}, 0), 50, &rng);
  double expected = 0.0;
  for (size_t row = 0; row < 50; ++row) {
    const double p = data.labels()[row] > 0 ? 0.1 : 0.9;
    expected -= double{data.weights()[row]} * std::log(p) / 50;
  }
  EXPECT_NEAR(LossRangeOf(BinaryTarget(), std::log(0.1 / 0.9), data).constant, expected, 1e-6);
}

TEST(LossRange, AddsEachRowsOffset) {
  DatasetShape shape = MakeShape(0, {4}, 0);
  shape.offsets = true;
  Rng rng(3);
  const BatchDataset data(shape, 50, &rng);
  double expected = 0.0;
  for (size_t row = 0; row < 50; ++row) {
    const double margin = 0.5 + double{data.offsets()[row]};
    const double of_label = data.labels()[row] > 0 ? -margin : margin;
    expected += double{data.weights()[row]} * std::log1p(std::exp(of_label)) / 50;
  }
  EXPECT_NEAR(LossRangeOf(BinaryTarget(), 0.5, data).constant, expected, 1e-6);
}

TEST(LossRange, IsOfLabelsInTheirUnit) {
  DatasetShape shape = MakeShape(0, {4}, 0);
  shape.scales = true;
  Rng rng(3);
  const BatchDataset data(shape, 50, &rng);
  double expected = 0.0;
  for (size_t row = 0; row < 50; ++row) {
    const double label = double{data.labels()[row]} / double{data.scales()[row]};
    expected += double{data.weights()[row]} * 0.5 * label * label / 50;
  }
  EXPECT_NEAR(LossRangeOf(RealTarget(), 0.0, data).constant, expected, 1e-6);
}

TEST(DivergenceCheck, APassAboveTenTimesTheConstantEndsTrainingAndNamesRateAndClock) {
  DivergenceCheck check({.least = 0.0, .constant = 0.1}, 0.5, 0);
  EXPECT_TRUE(check.Take(0.9, 100, Clock(1)).ok());
  EXPECT_TRUE(check.EndPass(Clock(2)).ok());
  EXPECT_TRUE(check.Take(0.5, 100, Clock(3)).ok());
  EXPECT_TRUE(check.Take(1.7, 100, Clock(4)).ok());
  const absl::Status status = check.EndPass(Clock(5));
  EXPECT_EQ(ExitCode(status), kExitFatal);
  EXPECT_EQ(status.message(),
            "training diverged at clock 5: the mean loss is 1.1, and predicting the same for every "
            "row has 0.1; lower optimizer.learning_rate, which is 0.5");
}

TEST(DivergenceCheck, PassesCountByThemselvesAndByRows) {
  DivergenceCheck check({.least = 0.0, .constant = 0.1}, 0.5, 0);
  EXPECT_TRUE(check.Take(5.0, 1, Clock(1)).ok());
  EXPECT_TRUE(check.Take(0.1, 99, Clock(2)).ok());
  EXPECT_TRUE(check.EndPass(Clock(3)).ok());
  EXPECT_TRUE(check.EndPass(Clock(4)).ok()) << "a pass without rows of this worker";
}

TEST(DivergenceCheck, WhatIsLeftOfAPassIsNotJudged) {
  DivergenceCheck check({.least = 0.0, .constant = 0.1}, 0.5, 0);
  check.Begin(DivergenceCheck::Pass::kRest);
  EXPECT_TRUE(check.Take(6.2, 16, Clock(26)).ok());
  EXPECT_TRUE(check.EndPass(Clock(26)).ok());
  EXPECT_TRUE(check.Take(6.2, 16, Clock(28)).ok());
  EXPECT_FALSE(check.EndPass(Clock(54)).ok()) << "the next one is";
}

TEST(DivergenceCheck, ALossThatIsNoNumberEndsItAtOnce) {
  for (const double loss : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    DivergenceCheck check({.least = 0.0, .constant = 0.1}, 0.5, 0);
    EXPECT_EQ(ExitCode(check.Take(loss, 1, Clock(7))), kExitFatal);
  }
}

TEST(DivergenceCheck, ALossThatIsNoNumberMayBeThisWorkersOwn) {
  DivergenceCheck check({.least = 0.0, .constant = 0.1}, 0.5, 2);
  EXPECT_TRUE(check.Take(std::nan(""), 100, Clock(1)).ok());
  EXPECT_TRUE(check.Take(0.1, 1, Clock(2)).ok());
  EXPECT_TRUE(check.EndPass(Clock(3)).ok()) << "it counts for nothing";
  EXPECT_TRUE(check.Take(std::nan(""), 1, Clock(4)).ok());
  EXPECT_TRUE(check.EndPass(Clock(5)).ok()) << "all strikes are made: nothing of it is trained";
}

TEST(DivergenceCheck, KnowsWhetherAPassEndsInOne) {
  DivergenceCheck check({.least = 0.0, .constant = 0.1}, 0.5, 9);
  EXPECT_TRUE(check.Take(std::nan(""), 1, Clock(1)).ok());
  EXPECT_TRUE(check.broken());
  EXPECT_TRUE(check.Take(0.1, 100, Clock(2)).ok());
  EXPECT_FALSE(check.broken());
  EXPECT_TRUE(check.Take(std::nan(""), 1, Clock(3)).ok());
  EXPECT_TRUE(check.broken());
  EXPECT_TRUE(check.EndPass(Clock(4)).ok()) << "it may be this worker's own";
  EXPECT_FALSE(check.broken()) << "the next one begins";
}

// As of counts of which a row has e on average: the constant's loss is none, and still no bound.
TEST(DivergenceCheck, WhatALossIsAboveTheLeastOneIsWhatCounts) {
  DivergenceCheck check({.least = -0.5, .constant = 0.0}, 0.5, 0);
  EXPECT_TRUE(check.Take(0.4, 100, Clock(1)).ok());
  EXPECT_TRUE(check.EndPass(Clock(2)).ok());
  EXPECT_TRUE(check.Take(4.6, 100, Clock(3)).ok());
  EXPECT_FALSE(check.EndPass(Clock(4)).ok());
}

// As of small amounts under gamma: 0 would be far above their bound.
TEST(DivergenceCheck, APassWithoutRowsIsNotJudged) {
  DivergenceCheck check({.least = -5.9, .constant = -5.5}, 0.5, 0);
  EXPECT_TRUE(check.EndPass(Clock(1)).ok());
  EXPECT_TRUE(check.Take(0.0, 100, Clock(2)).ok());
  EXPECT_FALSE(check.EndPass(Clock(3)).ok());
}

// No margin has less: the label's own has exactly that.
TEST(LossRange, TheLeastLossIsThatOfTheLabelItself) {
  Rng rng(7);
  const TweedieLoss tweedie{1.3F};
  for (int i = 0; i < 50; ++i) {
    const auto label = static_cast<float>(0.2 + 3.0 * rng.Uniform());
    const float at = std::log(label);
    const auto margin = static_cast<float>(2.0 * rng.Normal());
    EXPECT_NEAR(PoissonLoss::Least(label), double{PoissonLoss()(at, label).loss}, 1e-5);
    EXPECT_NEAR(GammaLoss::Least(label), double{GammaLoss()(at, label).loss}, 1e-5);
    EXPECT_NEAR(tweedie.Least(label), double{tweedie(at, label).loss}, 1e-4);
    EXPECT_GE(double{PoissonLoss()(margin, label).loss}, PoissonLoss::Least(label) - 1e-5);
    EXPECT_GE(double{GammaLoss()(margin, label).loss}, GammaLoss::Least(label) - 1e-5);
    EXPECT_GE(double{tweedie(margin, label).loss}, tweedie.Least(label) - 1e-4);
  }
  EXPECT_EQ(PoissonLoss::Least(0.0), 0.0);
  EXPECT_EQ(tweedie.Least(0.0), 0.0);
}

}  // namespace
}  // namespace rubato
