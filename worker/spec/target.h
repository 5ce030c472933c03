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
// One of several:
//   classes  label a word or a whole number, one of 3 to 1,000; the predictions are the
//            probabilities of each, by the softmax of a margin a class.
//
// Of a number, without a law:
//   real     any number; the prediction is its mean, or with Huber's loss one that labels far away
//            pull at less. A margin is measured in deviations of the training labels from their
//            mean. With a scale the label is learnt divided by it; quantiles too.
//   quantile any number; the predictions are quantiles of it that never cross, and the means of
//            what lies below them, if asked for. joint_loss.h says what their margins are.
//
// A new target is a type here, in the list, and its judge in worker/evaluate/judge.h. Beside what
// all have, one may have Configure(config), which takes its numbers from the run file, Fit(prior),
// which takes them from the training rows, AtConstant, if a constant's prediction is another
// one for each offset, and outputs(), if a row has several margins: then Predict and the loss take
// all of them, and give as many predictions, which Columns() names.
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/run_file/run_config.h"
#include "worker/spec/joint_loss.h"
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
                                                     .label = {.kind = LabelKind::kTwoClasses},
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
    return {.predictions = {mean},
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
    return {.predictions = {train.rate()},
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
    return {.predictions = {train.mean()},
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
    return {.predictions = {train.mean()},
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
  static constexpr TargetDescription kDescription = {
      .kind = "real",
      .prediction = "mean",
      .keys = {.cap = true, .huber = true, .scale = true},
      .metrics = kMetrics,
      .chosen_by = "rmse"};

  void Configure(const TargetConfig& config) { loss.delta = static_cast<float>(config.huber); }
  void Fit(const Prior& prior) {
    loss.center = static_cast<float>(prior.predictions[0]);
    loss.scale = static_cast<float>(prior.scale);
  }
  RUBATO_HOST_DEVICE float Predict(float margin) const { return loss.center + loss.scale * margin; }
  // What is above the mean and what is below it weigh the same.
  static Constant FitConstant(const LabelSums& train, const ClassWeights&) {
    return {.predictions = {train.mean()}, .margin = 0.0, .scale = train.deviation()};
  }
};

struct ClassesTarget {
  SoftmaxLoss loss;

  static constexpr std::array kMetrics = {
      MetricSpec{"accuracy", "accuracy", Better::kLarger, MetricUse::kProgress,
                 MetricFormat::kPercent},
      MetricSpec{"logloss", "log loss", Better::kSmaller, MetricUse::kProgress},
      MetricSpec{"macro_auc", "macro AUC", Better::kLarger, MetricUse::kSummary},
  };
  static constexpr TargetDescription kDescription = {.kind = "classes",
                                                     .prediction = "class",
                                                     .label = {.kind = LabelKind::kClasses},
                                                     .fits_each = true,
                                                     .metrics = kMetrics,
                                                     .chosen_by = "logloss",
                                                     .loss = "logloss"};

  uint32_t outputs() const { return loss.outputs(); }
  void Fit(const Prior& prior) { loss.classes = static_cast<uint32_t>(prior.predictions.size()); }
  // exp(margin), of a sum of 1.
  RUBATO_HOST_DEVICE void Predict(const float* margin, float* prediction) const {
    float largest = margin[0];
    for (uint32_t c = 1; c < loss.classes; ++c) largest = margin[c] > largest ? margin[c] : largest;
    float sum = 0.0F;
    for (uint32_t c = 0; c < loss.classes; ++c) {
      prediction[c] = std::exp(margin[c] - largest);
      sum += prediction[c];
    }
    for (uint32_t c = 0; c < loss.classes; ++c) prediction[c] /= sum;
  }
  // Their shares; margins of 0 are none of them.
  static Constant FitConstant(const LabelSums& train, const ClassWeights&);
};

struct QuantileTarget {
  QuantileLoss loss;

  static constexpr std::array kMetrics = {
      MetricSpec{"pinball", "pinball loss", Better::kSmaller, MetricUse::kProgress,
                 MetricFormat::kMetric},
  };
  static constexpr TargetDescription kDescription = {.kind = "quantile",
                                                     .prediction = "q",
                                                     .fits_each = true,
                                                     .keys = {.scale = true, .quantiles = true},
                                                     .metrics = kMetrics,
                                                     .chosen_by = "pinball"};

  uint32_t outputs() const { return loss.outputs(); }
  void Configure(const TargetConfig& config);
  void Fit(const Prior& prior);
  RUBATO_HOST_DEVICE void Predict(const float* margin, float* prediction) const {
    loss.Place(margin, prediction);
    for (uint32_t k = 0; k < loss.outputs(); ++k) {
      prediction[k] = loss.center + loss.scale * prediction[k];
    }
  }
  // Of weighted labels: a quantile is the least of them that so much of the weight is not above.
  Constant FitConstant(const LabelSums& train, const ClassWeights&) const;
  // As in the run file.
  std::string LevelName(size_t k) const;
  // q_LEVEL, and es_LEVEL behind all of them.
  std::vector<std::string> Columns() const;
};

using Target = std::variant<BinaryTarget, CountTarget, AmountTarget, TweedieTarget, RealTarget,
                            ClassesTarget, QuantileTarget>;

// Whether a row of this target has several margins.
template <class T>
concept HasJointLoss = requires(const T& target) {
  target.outputs();
};

// Margins of a row, and predictions.
inline size_t OutputsOf(const Target& target) {
  return std::visit(
      [](const auto& of) -> size_t {
        if constexpr (HasJointLoss<std::decay_t<decltype(of)>>) return of.outputs();
        return 1;
      },
      target);
}

template <class... T>
constexpr bool AreWhole(std::type_identity<std::variant<T...>>) {
  return (IsWhole(T::kDescription) && ...);
}
static_assert(AreWhole(std::type_identity<Target>()));

inline const TargetDescription& DescriptionOf(const Target& target) {
  return std::visit(
      [](const auto& type) -> const auto& { return type.kDescription; }, target);
}

// What a constant of this prediction (one of Prior's) says of a row with this offset.
double PredictConstant(const Target& target, double prediction, float offset);

// What a label may be to a target.kind. InvalidArgument: there is none such.
absl::StatusOr<LabelDomain> LabelOfTarget(const std::string& kind);
// The target of section [target]. InvalidArgument: a kind that there is not, or a key that this one
// does not read.
absl::StatusOr<Target> MakeTarget(const TargetConfig& config);
// With what the training rows say of the label.
Target Fitted(Target target, const Prior& prior);

}  // namespace rubato
