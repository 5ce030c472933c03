#include "common/run_config_defaults.h"

#include <algorithm>
#include <bit>

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

// Of a linear model, and of one with hidden layers.
struct Rates {
  const char* rule;
  double linear;
  double deep;
};
constexpr Rates kRates[] = {{"sgd", 0.05, 0.02},
                            {"momentum", 0.005, 0.002},
                            {"adagrad", 0.07, 0.02},
                            {"adam", 0.003, 0.001},
                            {"ftrl", 0.1, 0.02}};

bool IsLinear(const RunConfig& config) { return config.model.kind == "logistic"; }

}  // namespace

void FillDefaults(const std::function<bool(const std::string& key)>& given, RunConfig* config) {
  if (!given("optimizer.learning_rate")) {
    for (const Rates& rates : kRates) {
      if (config->optimizer.kind != rates.rule) continue;
      config->optimizer.learning_rate = IsLinear(*config) ? rates.linear : rates.deep;
    }
  }
  if (!given("train.best_epoch")) {
    config->train.best_epoch = config->split.validation_percent > 0 && config->fleet.servers > 0;
  }
}

void SizeByRows(uint64_t train_rows, RunConfig* config) {
  const uint64_t rows = std::max<uint64_t>(train_rows, 1);
  if (config->train.epochs == 0) {
    const Passes& passes = IsLinear(*config) ? kLinearPasses : kDeepPasses;
    config->train.epochs =
        static_cast<int64_t>(std::clamp(passes.rows_in_all / rows, kLeastEpochs, passes.most));
  }
  if (config->train.batch == 0) {
    const uint64_t batch = std::bit_floor(std::max<uint64_t>(rows / kRowsPerBatchRow, 1));
    config->train.batch = static_cast<int64_t>(std::clamp(batch, kLeastBatch, kMostBatch));
  }
}

}  // namespace rubato
