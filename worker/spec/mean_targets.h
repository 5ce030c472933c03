// Targets whose prediction is a mean above 0, by the logarithmic link.
//
//   count    label 0, 1, 2, ...: events. With an exposure its logarithm is the offset, and the
//            prediction is the rate times that.
//   amount   label above 0: how large a claim is. With a weight, the number of claims that the
//            label is the mean of.
//   tweedie  label from 0 on: what claims cost in all, none in most rows. With an exposure label
//            and prediction are by unit of it, and rows count for so much.
#pragma once

#include <array>
#include <cmath>
#include <limits>

#include "worker/run_file/run_config.h"
#include "worker/spec/prior.h"
#include "worker/spec/row_loss.h"
#include "worker/spec/target_description.h"

namespace rubato {

struct CountTarget {
  PoissonLoss loss;

  static constexpr std::array kMetrics = {
      MetricSpec{"poisson_deviance_x100", "Poisson deviance x100", Better::kSmaller,
                 MetricUse::kProgress},
      MetricSpec{"gini", "Gini", Better::kLarger, MetricUse::kProgress},
      MetricSpec{"actual_expected", "actual / expected", Better::kNeither, MetricUse::kSummary},
      MetricSpec{"events", "events", Better::kNeither, MetricUse::kSummary, MetricFormat::kCount},
  };
  static constexpr TargetDescription kDescription = {
      .kind = "count",
      .prediction = "expected",
      .rate = "rate",
      .label = {.least = 0.0, .whole = true, .words = "a whole number from 0 on"},
      .keys = {.offset = true, .cap = true, .exposure = ExposureUse::kOffset},
      .metrics = kMetrics,
      .chosen_by = "poisson_deviance_x100"};

  RUBATO_HOST_DEVICE static float Predict(float margin) { return ExpOf(margin); }
  // Of a row with this offset, by a model that tells no row from another.
  static double AtConstant(double rate, float offset) {
    return rate * std::exp(static_cast<double>(offset));
  }
  // A row with m events on average has a gradient of variance m and skewness m^(-1/2).
  static Constant FitConstant(const LabelSums& train, const ClassWeights&) {
    return {.prediction = train.rate(),
            .margin = std::log(train.rate()),
            .one_sided_gradient = 1.0 / std::sqrt(1.0 / train.mean() + 4.0)};
  }
};

struct AmountTarget {
  GammaLoss loss;

  static constexpr std::array kMetrics = {
      MetricSpec{"gamma_deviance", "Gamma deviance", Better::kSmaller, MetricUse::kProgress},
      MetricSpec{"rmse", "RMSE", Better::kSmaller, MetricUse::kProgress, MetricFormat::kNumber},
      MetricSpec{"actual_expected", "actual / expected", Better::kNeither, MetricUse::kSummary},
      MetricSpec{"gini", "Gini", Better::kLarger, MetricUse::kReport},
  };
  static constexpr TargetDescription kDescription = {
      .kind = "amount",
      .prediction = "mean",
      .label = {.least = std::numeric_limits<float>::min(), .words = "a number above 0"},
      .keys = {.offset = true, .cap = true},
      .metrics = kMetrics,
      .chosen_by = "gamma_deviance"};

  RUBATO_HOST_DEVICE static float Predict(float margin) { return ExpOf(margin); }
  // A gradient is 1 - label / mean; of Gamma distributed labels with deviation c in means, the
  // skewness is 2 c.
  static Constant FitConstant(const LabelSums& train, const ClassWeights&) {
    const double c = train.deviation() / train.mean();
    return {.prediction = train.mean(),
            .margin = std::log(train.mean()) - train.mean_offset(),
            .one_sided_gradient = c * c / std::sqrt(c * c + 1.0)};
  }
};

struct TweedieTarget {
  TweedieLoss loss;

  static constexpr std::array kMetrics = {
      MetricSpec{"tweedie_deviance", "Tweedie deviance", Better::kSmaller, MetricUse::kProgress},
      MetricSpec{"gini", "Gini", Better::kLarger, MetricUse::kProgress},
      MetricSpec{"actual_expected", "actual / expected", Better::kNeither, MetricUse::kSummary},
      MetricSpec{"rmse", "RMSE", Better::kSmaller, MetricUse::kReport, MetricFormat::kNumber},
  };
  static constexpr TargetDescription kDescription = {
      .kind = "tweedie",
      .prediction = "mean",
      .label = {.least = 0.0, .words = "a number from 0 on"},
      .keys = {.cap = true, .power = true, .exposure = ExposureUse::kUnit},
      .metrics = kMetrics,
      .chosen_by = "tweedie_deviance"};

  void Configure(const TargetConfig& config) { loss.power = static_cast<float>(config.power); }
  RUBATO_HOST_DEVICE static float Predict(float margin) { return ExpOf(margin); }
  // A gradient is mean^(1 - p) (mean - label); of Tweedie distributed labels with deviation c in
  // means, the skewness is p c (Jorgensen 1987).
  Constant FitConstant(const LabelSums& train, const ClassWeights&) const {
    const auto p = static_cast<double>(loss.power);
    const double skewness = p * train.deviation() / train.mean();
    return {.prediction = train.mean(),
            .margin = std::log(train.mean()),
            .one_sided_gradient = std::pow(train.mean(), 1.0 - p) * train.deviation() * skewness /
                                  std::sqrt(skewness * skewness + 4.0)};
  }
};

}  // namespace rubato
