// What a model predicts. A target is a type that says what a label may be, how a row's margin
// becomes a prediction, what it loses, where training begins, and what its predictions are judged
// by; CPU and GPU compile it in, so that a formula stands once. Everybody else reads its
// description.
//
//   binary   label 0 or 1; the prediction is the probability of 1, by the logistic link. A linear
//            model is then a logistic regression.
//
// A new target is a type here, in the list, and its judge in worker/evaluate/judge.h.
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <type_traits>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/spec/metric.h"
#include "worker/spec/prior.h"
#include "worker/spec/row_loss.h"

namespace rubato {

// What a label may be: a value that is named as one of two classes (data.positive), or a number.
struct LabelDomain {
  bool classes = false;
  // Of a number.
  double least = -std::numeric_limits<double>::infinity();
  bool whole = false;
  const char* words = "a number";  // "a whole number from 0 on", in errors
};

struct TargetDescription {
  const char* kind;        // target.kind
  const char* prediction;  // column that predict writes
  LabelDomain label;
  std::span<const MetricSpec> metrics;  // as they are shown; a report leads with the first
  const char* chosen_by;                // metric that the best epoch is best by
  const char* loss;                     // metric that the loss of training is; "": none
};

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

using Target = std::variant<BinaryTarget>;

// What those who show and compare figures rely on: the first metric, the one that the best epoch is
// chosen by and that of the loss, if there is one, are told while training goes on, and are better
// at one end.
constexpr bool IsWhole(const TargetDescription& target) {
  const auto leads = [](const MetricSpec& metric) {
    return metric.use == MetricUse::kProgress && metric.better != Better::kNeither;
  };
  bool chosen = false;
  bool loss = absl::string_view(target.loss).empty();
  for (const MetricSpec& metric : target.metrics) {
    chosen = chosen || (absl::string_view(metric.name) == target.chosen_by && leads(metric));
    loss = loss || (absl::string_view(metric.name) == target.loss && leads(metric));
  }
  return chosen && loss && leads(target.metrics.front());
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

// The target of target.kind. InvalidArgument names those that there are.
absl::StatusOr<Target> FindTarget(absl::string_view kind);

}  // namespace rubato
