// Label 0 or 1; the prediction is the probability of 1, by the logistic link. A linear model is
// then a logistic regression.
#pragma once

#include <array>
#include <cmath>

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

}  // namespace rubato
