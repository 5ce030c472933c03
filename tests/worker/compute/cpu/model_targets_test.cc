// Every target with every model and every update rule: what a row's features say of its label is
// learned.
#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/job/optimizer_spec.h"
#include "gtest/gtest.h"
#include "tests/worker/compute/cpu/make_model.h"
#include "tests/worker/compute/cpu/random_batch.h"
#include "tests/worker/compute/cpu/reference_training.h"

namespace rubato {
namespace {

constexpr size_t kRows = 64;

// A number of events whose mean is `rate`, by Knuth's product of uniform numbers.
double Events(double rate, Rng* rng) {
  int events = 0;
  for (double product = rng->Uniform(); product > std::exp(-rate); product *= rng->Uniform()) {
    ++events;
  }
  return events;
}

// A label whose mean the margin is told of, by the link of each target.
double Draw(const std::string& target, double margin, Rng* rng) {
  if (target == "binary") return rng->Chance(1.0 / (1.0 + std::exp(-2.0 * margin))) ? 1.0 : 0.0;
  if (target == "classes")
    return std::clamp(std::round(1.0 + margin + 0.3 * rng->Normal()), 0.0, 2.0);
  if (target == "real" || target == "quantile") return 100.0 + 10.0 * margin + rng->Normal();
  const double mean = std::exp(margin);
  if (target == "count") return Events(mean, rng);
  const double exponential = -std::log(1.0 - rng->Uniform());
  if (target == "amount") return mean * exponential + 1e-3;
  return Events(mean, rng) * exponential;  // tweedie
}

Batch Drawn(const std::string& target, const DatasetShape& shape, Rng* rng) {
  Batch batch = RandomBatch(shape, {.rows = kRows}, rng);
  for (size_t r = 0; r < batch.rows; ++r) {
    const double margin = double{batch.numeric[r]} * 0.8 + (batch.categories[r] == 1 ? 0.8 : -0.4);
    batch.labels[r] = static_cast<float>(Draw(target, margin, rng));
    batch.weights[r] = 1.0F;
  }
  return batch;
}

bool HasLevel(const std::string& target) { return target == "real" || target == "quantile"; }

// Of what the last output predicts.
double MiddleOf(const std::string& target) {
  if (target == "classes") return 1.0 / 3.0;
  return HasLevel(target) ? 100.0 : target == "binary" ? 0.5 : 1.0;
}

Prior PriorOf(const std::string& target) {
  if (target == "classes") return {.predictions = {0.3, 0.3, 0.4}};
  if (target == "quantile") return {.predictions = {85, 100, 115, 80, 91, 98}, .scale = 12.0};
  return {.predictions = {MiddleOf(target)}, .scale = HasLevel(target) ? 12.0 : 1.0};
}

class EveryTarget
    : public testing::TestWithParam<std::tuple<std::string, std::string, std::string>> {};

TEST_P(EveryTarget, IsLearned) {
  const std::string target = std::get<0>(GetParam());
  const std::string model_kind = std::get<1>(GetParam());
  const std::string rule = std::get<2>(GetParam());
  RunConfig config;
  config.target.kind = target;
  config.model.kind = model_kind;
  config.model.hidden = {16, 8};
  config.model.embedding_dim = 4;
  config.optimizer.kind = rule;
  const UpdateRule& known = *FindRule(rule);
  config.optimizer.learning_rate = model_kind == "linear" ? known.linear_rate : known.deep_rate;
  if (target == "quantile") config.target.quantiles = {0.1, 0.5, 0.9};
  config.target.expected_shortfall = target == "quantile";
  const DatasetShape shape = MakeShape(1, {3}, 0);
  auto model = MakeModel(config, shape, PriorOf(target));
  ASSERT_TRUE(model.ok()) << model.status();
  ReferenceTraining training(model->get(), 1);
  Rng rng(5);
  const Batch test = Drawn(target, shape, &rng);
  Rng fresh(6);
  const auto mean_loss = [&] {
    double loss = 0.0;
    for (int i = 0; i < 40; ++i) loss += training.Step(Drawn(target, shape, &fresh));
    return loss;
  };
  const double before = mean_loss();
  for (int i = 0; i < 20; ++i) mean_loss();
  EXPECT_LT(mean_loss(), before - 0.02 * std::abs(before));
  // Predictions, of several outputs the last, go with what the row's number says.
  const std::vector<float> predictions = training.Predict(test);
  const size_t outputs = (*model)->spec().outputs();
  ASSERT_EQ(predictions.size(), kRows * outputs);
  double together = 0.0;
  for (size_t r = 0; r < kRows; ++r) {
    together +=
        (double{predictions[(r + 1) * outputs - 1]} - MiddleOf(target)) * double{test.numeric[r]};
  }
  EXPECT_GT(together, 0.0);
}

std::string NameOf(const testing::TestParamInfo<EveryTarget::ParamType>& info) {
  return absl::StrCat(std::get<0>(info.param), "_", std::get<1>(info.param), "_",
                      std::get<2>(info.param));
}

INSTANTIATE_TEST_SUITE_P(All, EveryTarget,
                         testing::Combine(testing::Values("binary", "count", "amount", "tweedie",
                                                          "real", "classes", "quantile"),
                                          testing::Values("linear", "mlp", "wide_deep", "deepfm"),
                                          testing::ValuesIn(RuleNames())),
                         NameOf);

}  // namespace
}  // namespace rubato
