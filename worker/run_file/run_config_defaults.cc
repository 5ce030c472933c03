#include "worker/run_file/run_config_defaults.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "common/base/status.h"

namespace rubato {
namespace {

// Hidden layers learn few rows by heart soon; a linear model still gains where columns go together.
struct Passes {
  uint64_t rows_in_all;  // seen in training, all passes together
  uint64_t most;
};
constexpr Passes kLinearPasses = {1'000'000, 200};
constexpr Passes kDeepPasses = {600'000, 40};
constexpr uint64_t kLeastEpochs = 6;
constexpr uint64_t kRowsPerBatchRow = 400;
constexpr uint64_t kLeastBatch = 16;
constexpr uint64_t kMostBatch = 256;

// Where there are few rows, a pass is few steps: at the full rate the best one is a matter of luck,
// and the level of the predictions still sways by a percent.
constexpr double kRowsForFullRate = 5000.0;
constexpr double kLeastOfLinearRate = 0.7;  // at less, separable classes take more passes
constexpr double kLeastOfDeepRate = 0.3;

bool IsLinear(const RunConfig& config) { return config.model.kind == "linear"; }

double LearningRate(const RunConfig& config, uint64_t rows) {
  const UpdateRule* const rule = FindRule(config.optimizer.kind);
  CHECK(rule != nullptr, "a run file's rule is one of RuleNames()");
  const bool linear = IsLinear(config);
  const double least = linear ? kLeastOfLinearRate : kLeastOfDeepRate;
  const double part = std::clamp(static_cast<double>(rows) / kRowsForFullRate, least, 1.0);
  return part * (linear ? rule->linear_rate : rule->deep_rate);
}

// Requires train.batch.
double Epsilon(const RunConfig& config, double one_sided_gradient) {
  constexpr double kLeast = Hyperparameters<double>().epsilon;
  if (config.optimizer.kind != "adagrad" || !IsLinear(config)) return kLeast;
  return std::max(kLeast, one_sided_gradient / static_cast<double>(config.train.batch));
}

}  // namespace

void FillDefaults(const std::function<bool(const std::string& key)>& given, RunConfig* config) {
  for (const auto& number : kHyperparameters<double>) {
    const bool open = number.fitted && !given(absl::StrCat("optimizer.", number.name));
    if (open) config->optimizer.*number.member = 0.0;
  }
  if (config->data.format == "series" && !given("split.kind")) config->split.kind = "time";
  if (!given("train.best_epoch")) {
    config->train.best_epoch = config->split.validation_percent > 0 && config->fleet.servers > 0;
  }
  const bool alone = config->fleet.servers == 0 || config->train.deterministic;
  if (alone && !given("train.strikes")) config->train.strikes = 0;
}

void FitToData(const TrainingRows& train, RunConfig* config) {
  const uint64_t rows = std::max<uint64_t>(train.rows, 1);
  if (config->train.epochs == 0) {
    const Passes& passes = IsLinear(*config) ? kLinearPasses : kDeepPasses;
    config->train.epochs =
        static_cast<int64_t>(std::clamp(passes.rows_in_all / rows, kLeastEpochs, passes.most));
  }
  if (config->train.batch == 0) {
    const uint64_t batch = std::bit_floor(std::max<uint64_t>(rows / kRowsPerBatchRow, 1));
    config->train.batch = static_cast<int64_t>(std::clamp(batch, kLeastBatch, kMostBatch));
  }
  OptimizerConfig& optimizer = config->optimizer;
  if (optimizer.learning_rate == 0.0) optimizer.learning_rate = LearningRate(*config, rows);
  if (optimizer.epsilon == 0.0) optimizer.epsilon = Epsilon(*config, train.one_sided_gradient);
}

void KeepFitted(const RunConfig& before, RunConfig* config) {
  const auto keep = [](const auto& fitted, auto* value) {
    if (*value == 0) *value = fitted;
  };
  keep(before.train.epochs, &config->train.epochs);
  keep(before.train.batch, &config->train.batch);
  for (const auto& number : kHyperparameters<double>) {
    if (!number.fitted) continue;
    keep(before.optimizer.*number.member, &(config->optimizer.*number.member));
  }
}

}  // namespace rubato
