// How well scores put the rows of label 1 above those of label 0: all that depends on the order of
// the scores only, and so does not change under any increasing map of them.
//
// The rows are sorted once; rows of equal score form one group, and every figure here is a sum over
// groups, so that ties cost nothing and are never broken by the order of the input.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

namespace rubato {

// All rows of one score.
struct TieGroup {
  float score = 0;
  uint64_t positives = 0;
  uint64_t negatives = 0;
  uint64_t rows() const { return positives + negatives; }
};

// Both classes have at least one row; groups by increasing score.
struct Ranking {
  std::vector<TieGroup> groups;
  uint64_t positives = 0;
  uint64_t negatives = 0;
  uint64_t rows() const { return positives + negatives; }
};

// Labels are 0 or 1. FailedPrecondition: no rows, an empty class, or a score that is not finite.
absl::StatusOr<Ranking> RankScores(std::span<const float> labels, std::span<const float> scores);

// Area under the ROC curve: P(score of a positive > score of a negative), ties count one half
// (Mann and Whitney 1947; Hanley and McNeil 1982). Gini = 2 AUC - 1.
double Auc(const Ranking& ranking);

struct Interval {
  double low = 0;
  double high = 1;
};

// 95 % interval of the AUC: AUC +- 1.96 standard errors after DeLong, DeLong and Clarke-Pearson
// 1988, with the midranks of Sun and Xu 2014; cut at 0 and 1. A class of one row has no variance to
// go by: then all of [0, 1].
Interval AucInterval(const Ranking& ranking);

struct Ks {
  double distance = 0;  // max over x of |F1(x) - F0(x)|, F the share of a class with score <= x
  double cut = 0;       // the smallest such x: scores above it are one side, the others the other
};

// Two-sample Kolmogorov-Smirnov distance between the scores of the two classes.
Ks KolmogorovSmirnov(const Ranking& ranking);

// Area under the precision-recall curve as average precision, sum of precision times step in recall
// over falling thresholds (scikit-learn's average_precision_score), not by trapezoids, which
// interpolate where no classifier is (Davis and Goadrich 2006).
double AveragePrecision(const Ranking& ranking);

struct RocPoint {
  double false_positive_rate = 0;
  double true_positive_rate = 0;
};

// The ROC curve from (0, 0) to (1, 1), thinned to at most `max_points` >= 3 about evenly spread
// along it.
std::vector<RocPoint> RocCurve(const Ranking& ranking, size_t max_points);

}  // namespace rubato
