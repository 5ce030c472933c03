#include "worker/evaluate/ranking.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/status.h"

namespace rubato {
namespace {

constexpr double kNormal975 = 1.959963984540054;  // 97.5 % quantile of the standard normal

double Share(uint64_t part, uint64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

absl::Status CheckClasses(const Ranking& ranking) {
  if (ranking.positives > 0 && ranking.negatives > 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrFormat(
      "cannot evaluate without rows of both classes: check the label column, its positive value "
      "and the split; rows of label 1: %d, rows of label 0: %d",
      ranking.positives, ranking.negatives));
}

// Sample variance of values given as (value, count); needs at least two.
class Spread {
 public:
  void Add(double value, uint64_t count) {
    const double n = static_cast<double>(count);
    count_ += n;
    const double step = value - mean_;  // Welford 1962, for `count` equal values at once
    if (count_ > 0) mean_ += step * n / count_;
    squares_ += step * (value - mean_) * n;
  }
  double VarianceOfMean() const { return squares_ / (count_ - 1) / count_; }

 private:
  double count_ = 0;
  double mean_ = 0;
  double squares_ = 0;
};

}  // namespace

absl::StatusOr<Ranking> RankScores(std::span<const float> labels, std::span<const float> scores) {
  CHECK(labels.size() == scores.size());
  std::vector<std::pair<float, bool>> rows(labels.size());  // (score, is positive)
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!std::isfinite(scores[i])) {
      return absl::OutOfRangeError(absl::StrFormat(
          "the prediction of row %d is not finite: the training diverged; try a smaller "
          "optimizer.learning_rate",
          i));
    }
    rows[i] = {scores[i], labels[i] > 0.5f};
  }
  std::sort(rows.begin(), rows.end());
  Ranking ranking;
  for (const auto& [score, positive] : rows) {
    if (ranking.groups.empty() || ranking.groups.back().score != score) {
      ranking.groups.push_back({.score = score});
    }
    ++(positive ? ranking.groups.back().positives : ranking.groups.back().negatives);
    ++(positive ? ranking.positives : ranking.negatives);
  }
  RETURN_IF_ERROR(CheckClasses(ranking));
  return ranking;
}

double Auc(const Ranking& ranking) {
  double wins = 0;  // pairs won by the positive, of positives * negatives
  uint64_t negatives_below = 0;
  for (const TieGroup& group : ranking.groups) {
    wins += static_cast<double>(group.positives) *
            (static_cast<double>(negatives_below) + 0.5 * static_cast<double>(group.negatives));
    negatives_below += group.negatives;
  }
  return wins / (static_cast<double>(ranking.positives) * static_cast<double>(ranking.negatives));
}

Interval AucInterval(const Ranking& ranking) {
  if (ranking.positives < 2 || ranking.negatives < 2) return {.low = 0, .high = 1};
  // Placement of a row: the share of the other class that it is on the right side of.
  Spread of_positives;
  Spread of_negatives;
  uint64_t positives_below = 0;
  uint64_t negatives_below = 0;
  for (const TieGroup& group : ranking.groups) {
    const double below = Share(2 * negatives_below + group.negatives, 2 * ranking.negatives);
    const double above = 1 - Share(2 * positives_below + group.positives, 2 * ranking.positives);
    of_positives.Add(below, group.positives);
    of_negatives.Add(above, group.negatives);
    positives_below += group.positives;
    negatives_below += group.negatives;
  }
  const double error = std::sqrt(of_positives.VarianceOfMean() + of_negatives.VarianceOfMean());
  const double auc = Auc(ranking);
  return {.low = std::max(0.0, auc - kNormal975 * error),
          .high = std::min(1.0, auc + kNormal975 * error)};
}

Ks KolmogorovSmirnov(const Ranking& ranking) {
  Ks best;
  uint64_t positives = 0;
  uint64_t negatives = 0;
  for (const TieGroup& group : ranking.groups) {
    positives += group.positives;
    negatives += group.negatives;
    const double distance =
        std::abs(Share(positives, ranking.positives) - Share(negatives, ranking.negatives));
    if (distance > best.distance || &group == &ranking.groups.front()) {
      best = {.distance = distance, .cut = group.score};
    }
  }
  return best;
}

double AveragePrecision(const Ranking& ranking) {
  double area = 0;
  uint64_t positives = 0;
  uint64_t rows = 0;
  for (auto group = ranking.groups.rbegin(); group != ranking.groups.rend(); ++group) {
    positives += group->positives;
    rows += group->rows();
    area += Share(group->positives, ranking.positives) * Share(positives, rows);
  }
  return area;
}

std::vector<RocPoint> RocCurve(const Ranking& ranking, size_t max_points) {
  CHECK(max_points >= 3);
  std::vector<RocPoint> curve = {{}};
  // The last point of each stretch of equal length (counted along both axes) stays.
  const double stretches = static_cast<double>(max_points - 2);
  double stretch = -1;
  uint64_t positives = 0;
  uint64_t negatives = 0;
  for (auto group = ranking.groups.rbegin(); group != ranking.groups.rend(); ++group) {
    positives += group->positives;
    negatives += group->negatives;
    const RocPoint point = {.false_positive_rate = Share(negatives, ranking.negatives),
                            .true_positive_rate = Share(positives, ranking.positives)};
    const double at =
        std::floor((point.false_positive_rate + point.true_positive_rate) / 2 * stretches);
    if (at == stretch) {
      curve.back() = point;
    } else {
      curve.push_back(point);
    }
    stretch = at;
  }
  return curve;
}

}  // namespace rubato
