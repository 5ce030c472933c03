#include "server/optimizer.h"

#include <vector>

#include "gtest/gtest.h"

namespace rubato {
namespace {

// Weights and slots of one row under one rule.
struct Row {
  Row(const OptimizerSpec& spec, std::vector<float> weights)
      : optimizer(MakeOptimizer(spec)),
        w(std::move(weights)),
        slots(optimizer->SlotFloats(w.size())) {
    optimizer->Init(w, slots);
  }
  void Step(const std::vector<float>& gradient) { optimizer->Step(w, slots, gradient); }

  std::unique_ptr<Optimizer> optimizer;
  std::vector<float> w;
  std::vector<float> slots;
};

OptimizerSpec Spec(OptimizerKind kind) {
  OptimizerSpec spec;
  spec.kind = kind;
  spec.learning_rate = 0.5F;
  return spec;
}

TEST(Sgd, TwoSteps) {
  Row row(Spec(OptimizerKind::kSgd), {1.0F, -2.0F});
  row.Step({1.0F, 0.5F});  // 1 - 0.5 * 1, -2 - 0.5 * 0.5
  EXPECT_FLOAT_EQ(row.w[0], 0.5F);
  EXPECT_FLOAT_EQ(row.w[1], -2.25F);
  row.Step({-1.0F, 0.0F});
  EXPECT_FLOAT_EQ(row.w[0], 1.0F);
  EXPECT_FLOAT_EQ(row.w[1], -2.25F);
  EXPECT_TRUE(row.slots.empty());
}

TEST(Sgd, DecaysTowardsZero) {
  OptimizerSpec spec = Spec(OptimizerKind::kSgd);
  spec.l2 = 0.1F;
  Row row(spec, {2.0F});
  row.Step({1.0F});  // 2 - 0.5 * (1 + 0.2)
  EXPECT_FLOAT_EQ(row.w[0], 1.4F);
}

TEST(Momentum, ThreeStepsAndAZeroGradientMovesOn) {
  OptimizerSpec spec = Spec(OptimizerKind::kMomentum);
  spec.momentum = 0.5F;
  Row row(spec, {1.0F});
  row.Step({1.0F});  // v = 1
  EXPECT_FLOAT_EQ(row.w[0], 0.5F);
  row.Step({1.0F});  // v = 1.5
  EXPECT_FLOAT_EQ(row.w[0], -0.25F);
  row.Step({0.0F});  // v = 0.75
  EXPECT_FLOAT_EQ(row.slots[0], 0.75F);
  EXPECT_FLOAT_EQ(row.w[0], -0.625F);
}

TEST(Adagrad, TwoSteps) {
  OptimizerSpec spec = Spec(OptimizerKind::kAdagrad);
  spec.epsilon = 1.0F;
  Row row(spec, {1.0F});
  row.Step({3.0F});  // a = 9; 1 - 0.5 * 3 / (3 + 1)
  EXPECT_FLOAT_EQ(row.w[0], 0.625F);
  row.Step({4.0F});  // a = 25; 0.625 - 0.5 * 4 / (5 + 1)
  EXPECT_FLOAT_EQ(row.w[0], 0.625F - 2.0F / 6.0F);
  EXPECT_FLOAT_EQ(row.slots[0], 25.0F);
}

TEST(Adagrad, DecaysThroughTheAccumulator) {
  OptimizerSpec spec = Spec(OptimizerKind::kAdagrad);
  spec.l2 = 0.5F;
  spec.epsilon = 1.0F;
  Row row(spec, {2.0F});
  row.Step({2.0F});  // g = 3, a = 9; 2 - 0.5 * 3 / 4
  EXPECT_FLOAT_EQ(row.w[0], 1.625F);
}

TEST(Adam, FirstStepIsTheRateAndTheSecondFollowsTheMoments) {
  OptimizerSpec spec = Spec(OptimizerKind::kAdam);
  spec.beta1 = 0.5F;
  spec.beta2 = 0.75F;
  spec.epsilon = 0.0F;
  Row row(spec, {1.0F});
  row.Step({2.0F});  // m = 1, v = 1; corrected m = 2, v = 4: 1 - 0.5 * 2 / 2
  EXPECT_FLOAT_EQ(row.w[0], 0.5F);
  row.Step({-2.0F});  // m = -0.5, v = 1.75; corrected m = -2/3, v = 4: 0.5 + 0.5 * (2/3) / 2
  EXPECT_FLOAT_EQ(row.w[0], 0.5F + 1.0F / 6.0F);
  EXPECT_EQ(row.slots[2], 2.0F);  // steps
}

TEST(Adam, DecayIsDecoupled) {
  OptimizerSpec spec = Spec(OptimizerKind::kAdam);
  spec.l2 = 0.1F;
  Row row(spec, {2.0F});
  row.Step({0.0F});  // 2 * (1 - 0.5 * 0.1); the moments stay 0
  EXPECT_FLOAT_EQ(row.w[0], 1.9F);
}

TEST(Ftrl, TwoSteps) {
  OptimizerSpec spec = Spec(OptimizerKind::kFtrl);
  spec.l1 = 1.0F;
  spec.l2 = 2.0F;
  Row row(spec, {0.0F});
  row.Step({3.0F});  // n = 9, sigma = 6, z = 3; w = -(3 - 1) / ((1 + 3) / 0.5 + 2)
  EXPECT_FLOAT_EQ(row.w[0], -0.2F);
  row.Step({4.0F});  // n = 25, sigma = 4, z = 3 + 4 + 0.8; w = -6.8 / (12 + 2)
  EXPECT_FLOAT_EQ(row.w[0], -6.8F / 14.0F);
}

TEST(Ftrl, SmallGradientsAreCutToZero) {
  OptimizerSpec spec = Spec(OptimizerKind::kFtrl);
  spec.l1 = 1.0F;
  Row row(spec, {0.0F});
  row.Step({0.5F});
  EXPECT_EQ(row.w[0], 0.0F);
}

TEST(Ftrl, StartsFromTheWeightsARowWasBornWith) {
  OptimizerSpec spec = Spec(OptimizerKind::kFtrl);
  spec.l1 = 0.25F;
  spec.l2 = 2.0F;
  Row row(spec, {0.75F, -0.5F});
  row.Step({0.0F, 0.0F});
  EXPECT_FLOAT_EQ(row.w[0], 0.75F);
  EXPECT_FLOAT_EQ(row.w[1], -0.5F);
}

}  // namespace
}  // namespace rubato
