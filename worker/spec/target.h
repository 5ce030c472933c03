// What a model predicts. A target is a type that says what a label may be, how a row's margin
// becomes a prediction, what it loses, where training begins, and what its predictions are judged
// by; CPU and GPU compile it in, so that a formula stands once. Everybody else reads its
// description.
//
//   binary   label 0 or 1; the prediction is the probability of 1, by the logistic link. A linear
//            model is then a logistic regression.
//
// Means above 0, by the logarithmic link:
//   count    label 0, 1, 2, ...: events. With an exposure its logarithm is the offset, and the
//            prediction is the rate times that.
//   amount   label above 0: how large a claim is. With a weight, the number of claims that the
//            label is the mean of.
//   tweedie  label from 0 on: what claims cost in all, none in most rows. With an exposure label
//            and prediction are by unit of it, and rows count for so much.
//
//   real     any number; the prediction is its mean, or with Huber's loss one that labels far away
//            pull at less. A margin is measured in deviations of the training labels from their
//            mean.
//
// A new target is a type here, in the list, and its judge in worker/evaluate/judge.h. Beside what
// all have, one may have Configure(config), which takes its numbers from the run file, Fit(prior),
// which takes them from the training rows, and AtConstant, if a constant's prediction is another
// one for each offset.
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <type_traits>
#include <variant>

#include "absl/status/statusor.h"
#include "worker/run_file/run_config.h"
#include "worker/spec/prior.h"
#include "worker/spec/row_loss.h"
#include "worker/spec/target_description.h"

namespace rubato {

struct BinaryTarget {
  LogisticLoss loss;

  static constexpr std::array kMetrics = {
      MetricSpec{"auc", "AUC", Better::kLarger, MetricUse::kProgress},
      MetricSpec{"gini", "Gini", Better::kLarger, MetricUse::kReport},
      MetricSpec{"ks", "KS", Better::kLarger, MetricUse::kSummary},
      MetricSpec{"pr_auc", "PR-AUC", Better::kLarger, MetricUse::kReport},
      MetricSpec{"logloss", "log loss", Better::kSmaller, MetricUse::kProgress},
      MetricSpec{"brier", "Brier score", Better::kSmaller, MetricUse::kReport},
      MetricSpec{"positives", "positive", Better::kNeither, MetricUse::kSummary,
                 MetricFormat::kCount},
  };
  static constexpr TargetDescription kDescription = {.kind = "binary",
                                                     .prediction = "pd",
                                                     .label = {.classes = true},
                                                     .keys = {.offset = true},
                                                     .metrics = kMetrics,
                                                     .chosen_by = "logloss",
                                                     .loss = "logloss"};

  RUBATO_HOST_DEVICE static float Predict(float margin) { return ProbabilityOf(margin); }

  // A margin of the log odds of label 1 in the weighted rows, less what their offsets add to it.
  static Constant FitConstant(const LabelSums& train, const ClassWeights& weights) {
    const double mean = train.mean();
    const auto& [negative, positive] = weights;
    const double log_odds = std::log(positive * mean) - std::log(negative * (1.0 - mean));
    const double odds = std::exp(log_odds);
    const double a = positive / (1.0 + odds);
    const double b = negative * odds / (1.0 + odds);
    // The mean of the gradient is 0, and so its variance is the product.
    return {.prediction = mean,
            .margin = log_odds - train.mean_offset(),
            .one_sided_gradient = std::sqrt(a * b) * std::abs(a - b) / (a + b)};
  }
};

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

using Target = std::variant<BinaryTarget, CountTarget, AmountTarget, TweedieTarget, RealTarget>;

template <class... T>
constexpr bool AreWhole(std::type_identity<std::variant<T...>>) {
  return (IsWhole(T::kDescription) && ...);
}
static_assert(AreWhole(std::type_identity<Target>()));

inline const TargetDescription& DescriptionOf(const Target& target) {
  return std::visit(
      [](const auto& type) -> const auto& { return type.kDescription; }, target);
}

// What a constant of this prediction (Prior's) says of a row with this offset.
double PredictConstant(const Target& target, double prediction, float offset);

// The target of section [target]. InvalidArgument: a kind that there is not, or a key that this one
// does not read.
absl::StatusOr<Target> MakeTarget(const TargetConfig& config);
// With what the training rows say of the label.
Target Fitted(Target target, const Prior& prior);

}  // namespace rubato
