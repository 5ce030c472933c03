#include "worker/train/divergence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/base/status.h"
#include "tests/worker/evaluate/batch_dataset.h"

namespace rubato {
namespace {

TEST(ConstantLoss, IsThatOfTheRateAtTheMarginOfTheRate) {
  Rng rng(3);
  const BatchDataset data(MakeShape(0, {4}, 0), 50, &rng);
  double expected = 0.0;
  for (size_t row = 0; row < 50; ++row) {
    const double p = data.labels()[row] > 0 ? 0.1 : 0.9;
    expected -= double{data.weights()[row]} * std::log(p) / 50;
  }
  EXPECT_NEAR(ConstantLoss(BinaryTarget(), std::log(0.1 / 0.9), data), expected, 1e-6);
}

TEST(ConstantLoss, AddsEachRowsOffset) {
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
  EXPECT_NEAR(ConstantLoss(BinaryTarget(), 0.5, data), expected, 1e-6);
}

TEST(DivergenceCheck, APassAboveTenTimesTheConstantEndsTrainingAndNamesRateAndClock) {
  DivergenceCheck check(0.1, 0.5);
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
  DivergenceCheck check(0.1, 0.5);
  EXPECT_TRUE(check.Take(5.0, 1, Clock(1)).ok());
  EXPECT_TRUE(check.Take(0.1, 99, Clock(2)).ok());
  EXPECT_TRUE(check.EndPass(Clock(3)).ok());
  EXPECT_TRUE(check.EndPass(Clock(4)).ok()) << "a pass without rows of this worker";
}

TEST(DivergenceCheck, WhatIsLeftOfAPassIsNotJudged) {
  DivergenceCheck check(0.1, 0.5);
  check.BeginMidPass();
  EXPECT_TRUE(check.Take(6.2, 16, Clock(26)).ok());
  EXPECT_TRUE(check.EndPass(Clock(26)).ok());
  EXPECT_TRUE(check.Take(6.2, 16, Clock(28)).ok());
  EXPECT_FALSE(check.EndPass(Clock(54)).ok()) << "the next one is";
}

TEST(DivergenceCheck, ALossThatIsNoNumberEndsItAtOnce) {
  for (const double loss : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    DivergenceCheck check(0.1, 0.5);
    EXPECT_EQ(ExitCode(check.Take(loss, 1, Clock(7))), kExitFatal);
  }
}

// As of counts of which a row has five on average.
TEST(DivergenceCheck, ALossBelowZeroDivergesOnlyFarAboveTheConstant) {
  DivergenceCheck check(-3.0, 0.5);
  EXPECT_TRUE(check.Take(-3.2, 100, Clock(1)).ok());
  EXPECT_TRUE(check.EndPass(Clock(2)).ok());
  EXPECT_TRUE(check.Take(25.0, 100, Clock(3)).ok());
  EXPECT_FALSE(check.EndPass(Clock(4)).ok());
}

}  // namespace
}  // namespace rubato
