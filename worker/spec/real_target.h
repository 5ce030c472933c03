// Any number as label; the prediction is its mean, or with Huber's loss one that labels far away
// pull at less. A margin is measured in deviations of the training labels from their mean.
#pragma once

#include <array>

#include "worker/run_file/run_config.h"
#include "worker/spec/prior.h"
#include "worker/spec/row_loss.h"
#include "worker/spec/target_description.h"

namespace rubato {

struct RealTarget {
  SquaredLoss loss;

  static constexpr std::array kMetrics = {
      MetricSpec{"rmse", "RMSE", Better::kSmaller, MetricUse::kProgress, MetricFormat::kNumber},
      MetricSpec{"r2", "R2", Better::kLarger, MetricUse::kProgress},
      MetricSpec{"mae", "MAE", Better::kSmaller, MetricUse::kSummary, MetricFormat::kNumber},
  };
  static constexpr TargetDescription kDescription = {.kind = "real",
                                                     .prediction = "mean",
                                                     .keys = {.cap = true, .huber = true},
                                                     .metrics = kMetrics,
                                                     .chosen_by = "rmse"};

  void Configure(const TargetConfig& config) { loss.delta = static_cast<float>(config.huber); }
  void Fit(const Prior& prior) {
    loss.center = static_cast<float>(prior.prediction);
    loss.scale = static_cast<float>(prior.scale);
  }
  RUBATO_HOST_DEVICE float Predict(float margin) const { return loss.center + loss.scale * margin; }
  // What is above the mean and what is below it weigh the same.
  static Constant FitConstant(const LabelSums& train, const ClassWeights&) {
    return {.prediction = train.mean(), .scale = train.deviation()};
  }
};

}  // namespace rubato
