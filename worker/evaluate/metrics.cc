#include "worker/evaluate/metrics.h"

#include <algorithm>
#include <cmath>

#include "common/base/status.h"

namespace rubato {
namespace {

constexpr double kProbabilityMargin = 1e-15;

// Of a row with label 1, and of one with label 0.
struct RowLoss {
  double positive;
  double negative;
};
RowLoss LossOf(double probability) {
  const double p = std::clamp(probability, kProbabilityMargin, 1 - kProbabilityMargin);
  return {-std::log(p), -std::log1p(-p)};
}

}  // namespace

double LogLoss(const Ranking& ranking) {
  double sum = 0;
  for (const TieGroup& group : ranking.groups) {
    const RowLoss loss = LossOf(group.score);
    sum += static_cast<double>(group.positives) * loss.positive +
           static_cast<double>(group.negatives) * loss.negative;
  }
  return sum / static_cast<double>(ranking.rows());
}

AgainstConstant CompareWithConstant(const Ranking& ranking, double rate) {
  const RowLoss constant = LossOf(rate);
  const auto rows = static_cast<double>(ranking.rows());
  double sum = 0;
  double squares = 0;
  for (const TieGroup& group : ranking.groups) {
    const RowLoss loss = LossOf(group.score);
    const double on_positive = loss.positive - constant.positive;
    const double on_negative = loss.negative - constant.negative;
    const auto positives = static_cast<double>(group.positives);
    const auto negatives = static_cast<double>(group.negatives);
    sum += positives * on_positive + negatives * on_negative;
    squares += positives * on_positive * on_positive + negatives * on_negative * on_negative;
  }
  const double variance = std::max(0.0, squares / rows - (sum / rows) * (sum / rows));
  return {.logloss = (static_cast<double>(ranking.positives) * constant.positive +
                      static_cast<double>(ranking.negatives) * constant.negative) /
                     rows,
          .error = rows < 2 ? 0.0 : std::sqrt(variance / (rows - 1))};
}

double MeanPredicted(const Ranking& ranking) {
  double sum = 0;
  for (const TieGroup& group : ranking.groups) {
    sum += group.score * static_cast<double>(group.rows());
  }
  return sum / static_cast<double>(ranking.rows());
}

double Brier(const Ranking& ranking) {
  double sum = 0;
  for (const TieGroup& group : ranking.groups) {
    const double p = group.score;
    sum += static_cast<double>(group.positives) * (1 - p) * (1 - p) +
           static_cast<double>(group.negatives) * p * p;
  }
  return sum / static_cast<double>(ranking.rows());
}

std::vector<ScoreBin> CalibrationTable(const Ranking& ranking, size_t bins) {
  std::vector<ScoreBin> table(bins);
  uint64_t below = 0;
  for (const TieGroup& group : ranking.groups) {
    // floor((below + rows / 2) * bins / total), in whole numbers: the bin of the middle row.
    const uint64_t middle = 2 * below + group.rows() - 1;
    ScoreBin& bin = table[middle * bins / (2 * ranking.rows())];
    if (bin.rows == 0) bin.low = group.score;
    bin.high = group.score;
    bin.rows += group.rows();
    bin.positives += group.positives;
    bin.mean_score += group.score * static_cast<double>(group.rows());
    below += group.rows();
  }
  std::erase_if(table, [](const ScoreBin& bin) { return bin.rows == 0; });
  for (ScoreBin& bin : table) bin.mean_score /= static_cast<double>(bin.rows);
  return table;
}

std::vector<LiftRow> LiftTable(const Ranking& ranking, size_t bins) {
  std::vector<ScoreBin> slices = CalibrationTable(ranking, bins);
  std::reverse(slices.begin(), slices.end());
  const double all_positives = static_cast<double>(ranking.positives);
  const double base_rate = all_positives / static_cast<double>(ranking.rows());
  std::vector<LiftRow> table;
  ScoreBin taken;
  for (const ScoreBin& slice : slices) {
    taken.rows += slice.rows;
    taken.positives += slice.positives;
    table.push_back({.rows = slice.rows,
                     .positives = slice.positives,
                     .cut = slice.low,
                     .lift = slice.Rate() / base_rate,
                     .cumulative_lift = taken.Rate() / base_rate,
                     .captured = static_cast<double>(taken.positives) / all_positives});
  }
  return table;
}

}  // namespace rubato
