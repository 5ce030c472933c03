// What a report says about predictions on one split: all the figures at once, and their JSON.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/evaluate/metrics.h"
#include "worker/evaluate/ranking.h"

namespace rubato {

struct Evaluation {
  uint64_t rows = 0;
  uint64_t positives = 0;
  double auc = 0;
  double auc_low = 0;  // 95 % interval (DeLong)
  double auc_high = 0;
  double gini = 0;
  double ks = 0;
  double ks_cut = 0;  // score at which ks is reached
  double logloss = 0;
  double constant_logloss = 0;  // of predicting the rate of the training rows for every row
  double logloss_error = 0;     // standard error of the difference of the two
  double mean_predicted = 0;
  double brier = 0;
  double pr_auc = 0;                  // average precision
  std::vector<ScoreBin> calibration;  // 10 bins at most, by increasing score
  std::vector<LiftRow> lift;          // 10 bins at most, by decreasing score
  std::vector<RocPoint> roc;          // at most 200 points
};

// Both have one entry per row.
// `training_rate`: share of label 1 in the training rows, between 0 and 1.
// FailedPrecondition: no rows, an empty class, or a probability that is not finite.
absl::StatusOr<Evaluation> Evaluate(std::span<const float> labels,
                                    std::span<const float> probabilities, double training_rate);

// One JSON object: the fields above by their names, the tables as arrays of objects.
std::string FormatEvaluationJson(const Evaluation& evaluation);

}  // namespace rubato
