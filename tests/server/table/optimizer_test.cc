#include "server/table/optimizer.h"

#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "common/base/env.h"
#include "gtest/gtest.h"
#include "hwy/highway.h"

namespace rubato {
namespace {

// One row under one rule.
class Row {
 public:
  Row(const OptimizerSpec& spec, const std::vector<float>& weights)
      : optimizer_(MakeOptimizer(spec)), dim_(weights.size()), floats_(weights) {
    floats_.resize(dim_ + optimizer_->SlotFloats(dim_));
    optimizer_->Init(w(), slots());
  }
  // Of as many steps as there are gradients of the row in a row.
  void Step(const std::vector<float>& gradients) {
    const std::vector<float*> rows(gradients.size() / dim_, floats_.data());
    optimizer_->StepRows(rows, dim_, gradients.data());
  }
  std::span<float> w() { return std::span(floats_).first(dim_); }
  std::span<float> slots() { return std::span(floats_).subspan(dim_); }
  // Weights, then slots.
  std::vector<float>& floats() { return floats_; }
  std::vector<float> weights() const { return {floats_.begin(), floats_.begin() + Dim()}; }

 private:
  ptrdiff_t Dim() const { return static_cast<ptrdiff_t>(dim_); }

  std::unique_ptr<Optimizer> optimizer_;
  size_t dim_;
  std::vector<float> floats_;
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
  EXPECT_FLOAT_EQ(row.w()[0], 0.5F);
  EXPECT_FLOAT_EQ(row.w()[1], -2.25F);
  row.Step({-1.0F, 0.0F});
  EXPECT_FLOAT_EQ(row.w()[0], 1.0F);
  EXPECT_FLOAT_EQ(row.w()[1], -2.25F);
  EXPECT_TRUE(row.slots().empty());
}

TEST(Sgd, DecaysTowardsZero) {
  OptimizerSpec spec = Spec(OptimizerKind::kSgd);
  spec.l2 = 0.1F;
  Row row(spec, {2.0F});
  row.Step({1.0F});  // 2 - 0.5 * (1 + 0.2)
  EXPECT_FLOAT_EQ(row.w()[0], 1.4F);
}

TEST(Momentum, ThreeStepsAndAZeroGradientMovesOn) {
  OptimizerSpec spec = Spec(OptimizerKind::kMomentum);
  spec.momentum = 0.5F;
  Row row(spec, {1.0F});
  row.Step({1.0F});  // v = 1
  EXPECT_FLOAT_EQ(row.w()[0], 0.5F);
  row.Step({1.0F});  // v = 1.5
  EXPECT_FLOAT_EQ(row.w()[0], -0.25F);
  row.Step({0.0F});  // v = 0.75
  EXPECT_FLOAT_EQ(row.slots()[0], 0.75F);
  EXPECT_FLOAT_EQ(row.w()[0], -0.625F);
}

TEST(Adagrad, TwoSteps) {
  OptimizerSpec spec = Spec(OptimizerKind::kAdagrad);
  spec.epsilon = 1.0F;
  Row row(spec, {1.0F});
  row.Step({3.0F});  // a = 9; 1 - 0.5 * 3 / (3 + 1)
  EXPECT_FLOAT_EQ(row.w()[0], 0.625F);
  row.Step({4.0F});  // a = 25; 0.625 - 0.5 * 4 / (5 + 1)
  EXPECT_FLOAT_EQ(row.w()[0], 0.625F - 2.0F / 6.0F);
  EXPECT_FLOAT_EQ(row.slots()[0], 25.0F);
}

TEST(Adagrad, DecaysThroughTheAccumulator) {
  OptimizerSpec spec = Spec(OptimizerKind::kAdagrad);
  spec.l2 = 0.5F;
  spec.epsilon = 1.0F;
  Row row(spec, {2.0F});
  row.Step({2.0F});  // g = 3, a = 9; 2 - 0.5 * 3 / 4
  EXPECT_FLOAT_EQ(row.w()[0], 1.625F);
}

TEST(Adam, FirstStepIsTheRateAndTheSecondFollowsTheMoments) {
  OptimizerSpec spec = Spec(OptimizerKind::kAdam);
  spec.beta1 = 0.5F;
  spec.beta2 = 0.75F;
  spec.epsilon = 0.0F;
  Row row(spec, {1.0F});
  row.Step({2.0F});  // m = 1, v = 1; corrected m = 2, v = 4: 1 - 0.5 * 2 / 2
  EXPECT_FLOAT_EQ(row.w()[0], 0.5F);
  row.Step({-2.0F});  // m = -0.5, v = 1.75; corrected m = -2/3, v = 4: 0.5 + 0.5 * (2/3) / 2
  EXPECT_FLOAT_EQ(row.w()[0], 0.5F + 1.0F / 6.0F);
  EXPECT_EQ(row.slots()[2], 2.0F);  // steps
}

TEST(Adam, DecayIsDecoupled) {
  OptimizerSpec spec = Spec(OptimizerKind::kAdam);
  spec.l2 = 0.1F;
  Row row(spec, {2.0F});
  row.Step({0.0F});  // 2 * (1 - 0.5 * 0.1); the moments stay 0
  EXPECT_FLOAT_EQ(row.w()[0], 1.9F);
}

TEST(Ftrl, TwoSteps) {
  OptimizerSpec spec = Spec(OptimizerKind::kFtrl);
  spec.l1 = 1.0F;
  spec.l2 = 2.0F;
  Row row(spec, {0.0F});
  row.Step({3.0F});  // n = 9, sigma = 6, z = 3; w = -(3 - 1) / ((1 + 3) / 0.5 + 2)
  EXPECT_FLOAT_EQ(row.w()[0], -0.2F);
  row.Step({4.0F});  // n = 25, sigma = 4, z = 3 + 4 + 0.8; w = -6.8 / (12 + 2)
  EXPECT_FLOAT_EQ(row.w()[0], -6.8F / 14.0F);
}

TEST(Ftrl, SmallGradientsAreCutToZero) {
  OptimizerSpec spec = Spec(OptimizerKind::kFtrl);
  spec.l1 = 1.0F;
  Row row(spec, {0.0F});
  row.Step({0.5F});
  EXPECT_EQ(row.w()[0], 0.0F);
}

TEST(Ftrl, StartsFromTheWeightsARowWasBornWith) {
  OptimizerSpec spec = Spec(OptimizerKind::kFtrl);
  spec.l1 = 0.25F;
  spec.l2 = 2.0F;
  Row row(spec, {0.75F, -0.5F});
  row.Step({0.0F, 0.0F});
  EXPECT_FLOAT_EQ(row.w()[0], 0.75F);
  EXPECT_FLOAT_EQ(row.w()[1], -0.5F);
}

TEST(Adam, CountsToTwoToTheTwentyFourAndStaysThere) {
  Row row(Spec(OptimizerKind::kAdam), {1.0F});
  row.slots()[2] = 16'777'216.0F;
  row.Step({1.0F});
  EXPECT_EQ(row.slots()[2], 16'777'216.0F);
  // Both corrections are 1: m = 0.1, v = 0.001; 1 - 0.5 * 0.1 / sqrt(0.001)
  EXPECT_NEAR(row.w()[0], 1.0 - 0.05 / std::sqrt(0.001), 1e-4);
}

TEST(Adam, CorrectionsFollowTheStepCount) {
  OptimizerSpec spec = Spec(OptimizerKind::kAdam);
  spec.epsilon = 0.0F;
  for (const float before : {0.0F, 254.0F, 255.0F, 256.0F, 999.0F, 65'535.0F, 70'000.0F}) {
    Row row(spec, {0.0F});
    row.slots()[2] = before;
    row.Step({1.0F});
    const double n = before + 1.0;
    const double m = (1.0 - double{spec.beta1}) / (1.0 - std::pow(double{spec.beta1}, n));
    const double v = (1.0 - double{spec.beta2}) / (1.0 - std::pow(double{spec.beta2}, n));
    const double expected = -0.5 * m / std::sqrt(v);
    EXPECT_NEAR(row.w()[0] / expected, 1.0, 1e-6) << "after " << before << " steps";
  }
}

// Steps and restores.
class EveryRule : public testing::TestWithParam<UpdateRule> {
 protected:
  EveryRule() : spec_(Spec(GetParam().kind)) {
    spec_.learning_rate = 0.05F;
    spec_.l1 = 0.01F;
    spec_.l2 = 0.001F;
  }
  static std::vector<float> Random(Rng& rng, size_t n) {
    std::vector<float> values(n);
    for (float& value : values) value = static_cast<float>(rng.Uniform() - 0.5);
    return values;
  }
  // Weights and slots after three steps from a seeded start.
  std::vector<float> Train(size_t dim) const {
    Rng rng(dim);
    Row row(spec_, Random(rng, dim));
    for (int step = 0; step < 3; ++step) row.Step(Random(rng, dim));
    return row.floats();
  }
  OptimizerSpec spec_;
};

TEST_P(EveryRule, StepOfARestoredRowIsTheStep) {
  Rng rng(1);
  Row row(spec_, Random(rng, 19));
  row.Step(Random(rng, 19));
  Row restored(spec_, row.weights());
  restored.floats() = row.floats();
  const std::vector<float> gradient = Random(rng, 19);
  row.Step(gradient);
  restored.Step(gradient);
  EXPECT_EQ(restored.floats(), row.floats());
}

TEST_P(EveryRule, AWeightDoesNotDependOnItsPlaceInTheRow) {
  constexpr size_t kDim = 16 + 4 + 3;
  Rng rng(2);
  const std::vector<float> weights = Random(rng, kDim);
  const std::vector<float> gradient = Random(rng, kDim);
  Row row(spec_, weights);
  for (int step = 0; step < 3; ++step) row.Step(gradient);
  for (size_t i = 0; i < kDim; ++i) {
    Row alone(spec_, {weights[i]});
    for (int step = 0; step < 3; ++step) alone.Step({gradient[i]});
    EXPECT_EQ(alone.w()[0], row.w()[i]) << "weight " << i;
  }
}

TEST_P(EveryRule, RowsAreSteppedInOrder) {
  for (const size_t dim : {size_t{1}, size_t{7}, size_t{16}}) {
    Rng rng(3);
    const std::vector<float> weights = Random(rng, dim);
    const std::vector<float> gradients = Random(rng, 2 * dim);
    const auto middle = gradients.begin() + static_cast<ptrdiff_t>(dim);
    Row at_once(spec_, weights);
    at_once.Step(gradients);
    Row row(spec_, weights);
    row.Step({gradients.begin(), middle});
    row.Step({middle, gradients.end()});
    EXPECT_EQ(at_once.floats(), row.floats());
  }
}

// The guarantee of server/table/rule.h over every vector width of this machine.
TEST_P(EveryRule, BitsAreTheSameOnEveryInstructionSet) {
  const std::vector<float> best = Train(37);
  const int64_t supported = hwy::SupportedTargets();
  for (int64_t target = 1; target > 0 && target <= supported; target <<= 1) {
    if ((supported & HWY_TARGETS & target) == 0) continue;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    EXPECT_EQ(Train(37), best) << hwy::TargetName(target);
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

TEST_P(EveryRule, AZeroGradientMovesOnlyWhatHasMomentum) {
  spec_.l2 = 0.0F;
  Row row(spec_, {0.25F, -0.5F});
  row.Step({0.5F, -0.25F});
  const std::vector<float> before = row.weights();
  row.Step({0.0F, 0.0F});
  const OptimizerKind kind = GetParam().kind;
  const bool moves = kind == OptimizerKind::kMomentum || kind == OptimizerKind::kAdam;
  EXPECT_EQ(row.weights() != before, moves);
}

INSTANTIATE_TEST_SUITE_P(AllRules, EveryRule, testing::ValuesIn(kUpdateRules),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace rubato
