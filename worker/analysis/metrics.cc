#include "worker/analysis/metrics.h"

#include <algorithm>
#include <cmath>

#include "common/status.h"

namespace rubato {
namespace {

constexpr double kProbabilityMargin = 1e-15;

std::vector<uint64_t> Histogram(std::span<const float> scores, std::span<const float> cuts) {
  std::vector<uint64_t> counts(cuts.size() + 1);
  for (const float score : scores) {
    const auto bin = std::upper_bound(cuts.begin(), cuts.end(), score) - cuts.begin();
    ++counts[static_cast<size_t>(bin)];
  }
  return counts;
}

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

double Psi(std::span<const uint64_t> expected, std::span<const uint64_t> actual) {
  CHECK(expected.size() == actual.size());
  const double smoothing = 0.5 * static_cast<double>(expected.size());
  double expected_total = smoothing;
  double actual_total = smoothing;
  for (size_t i = 0; i < expected.size(); ++i) {
    expected_total += static_cast<double>(expected[i]);
    actual_total += static_cast<double>(actual[i]);
  }
  double psi = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double e = (static_cast<double>(expected[i]) + 0.5) / expected_total;
    const double a = (static_cast<double>(actual[i]) + 0.5) / actual_total;
    psi += (a - e) * std::log(a / e);
  }
  return psi;
}

double ScorePsi(std::span<const float> expected, std::span<const float> actual, size_t bins) {
  CHECK(!expected.empty() && bins >= 1);
  std::vector<float> sorted(expected.begin(), expected.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<float> cuts;
  for (size_t i = 1; i < bins; ++i) cuts.push_back(sorted[i * sorted.size() / bins]);
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  return Psi(Histogram(expected, cuts), Histogram(actual, cuts));
}

}  // namespace rubato
