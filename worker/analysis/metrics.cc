#include "worker/analysis/metrics.h"

#include <algorithm>
#include <cmath>

#include "common/status.h"

namespace rubato {
namespace {

constexpr double kProbabilityMargin = 1e-15;

}  // namespace

double LogLoss(const Ranking& ranking) {
  double sum = 0;
  for (const TieGroup& group : ranking.groups) {
    const double p = std::clamp<double>(group.score, kProbabilityMargin, 1 - kProbabilityMargin);
    sum -= static_cast<double>(group.positives) * std::log(p) +
           static_cast<double>(group.negatives) * std::log1p(-p);
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
