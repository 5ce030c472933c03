#include "worker/data/encode/prior.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "worker/compute/shifted_model.h"

namespace rubato {
namespace {

// Predicts what it is told.
class Told : public Model {
 public:
  explicit Told(std::vector<float> probability) : probability_(std::move(probability)) {}
  const ModelSpec& spec() const override { return spec_; }
  void FindKeys(const Batch&, Parameters*) const override {}
  absl::StatusOr<double> Gradients(const Batch&, const Parameters&, Parameters*) override {
    return 0.25;
  }
  absl::Status Predict(const Batch&, const Parameters&, std::span<float> probability) override {
    std::copy(probability_.begin(), probability_.end(), probability.begin());
    return absl::OkStatus();
  }

 private:
  const ModelSpec spec_;
  std::vector<float> probability_;
};

std::vector<float> Shifted(const std::vector<float>& told, double shift) {
  const auto model = ShiftPredictions(std::make_unique<Told>(told), shift);
  std::vector<float> probability(told.size());
  EXPECT_TRUE(model->Predict({}, {}, probability).ok());
  return probability;
}

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
  EXPECT_NEAR(Shifted({0.5F}, prior.Shift())[0], 0.1F, 1e-7F);
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

TEST(ShiftedModel, KeepsTheOrderAndTheEnds) {
  const std::vector<float> shifted = Shifted({0.0F, 0.2F, 0.5F, 0.9F, 1.0F}, std::log(1.0 / 9.0));
  EXPECT_EQ(shifted.front(), 0.0F);
  EXPECT_EQ(shifted.back(), 1.0F);
  EXPECT_NEAR(shifted[1], 0.25 / 9.0 / (0.25 / 9.0 + 1.0), 1e-7);
  EXPECT_NEAR(shifted[2], 0.1F, 1e-7F);
  EXPECT_NEAR(shifted[3], 0.5F, 1e-6F);
}

TEST(ShiftedModel, TrainsAsTheModelItselfDoes) {
  const auto model = ShiftPredictions(std::make_unique<Told>(std::vector<float>{0.5F}), 1.0);
  EXPECT_EQ(*model->Gradients({}, {}, nullptr), 0.25);
}

}  // namespace
}  // namespace rubato
