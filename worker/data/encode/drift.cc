#include "worker/data/encode/drift.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace rubato {
namespace {

constexpr double kHalf = 0.5;
constexpr double kDeviations = 4.0;

double Sum(std::span<const uint64_t> counts) {
  return static_cast<double>(std::accumulate(counts.begin(), counts.end(), uint64_t{0}));
}

// Of an index that only chance has made.
double MostByChance(double trained, double now, double bins) {
  const double freedom = bins - 1;
  return (1 / trained + 1 / now) * (freedom + kDeviations * std::sqrt(2 * freedom));
}

}  // namespace

double Drift(std::span<const uint64_t> trained, std::span<const uint64_t> now) {
  const double n = Sum(trained);
  const double m = Sum(now);
  const auto bins = static_cast<double>(trained.size());
  if (n == 0 || m == 0) return 0;
  double index = 0;
  for (size_t i = 0; i < trained.size(); ++i) {
    const double p = (static_cast<double>(trained[i]) + kHalf) / (n + kHalf * bins);
    const double q = (static_cast<double>(now[i]) + kHalf) / (m + kHalf * bins);
    index += (q - p) * std::log(q / p);
  }
  return index > MostByChance(n, m, bins) ? index : 0;
}

std::vector<uint64_t> DriftBinsOf(std::span<const uint64_t> levels) {
  const size_t kept = std::min(levels.size(), kDriftLevels);
  std::vector<uint64_t> bins(levels.begin(), levels.begin() + static_cast<std::ptrdiff_t>(kept));
  uint64_t rest = 0;
  for (size_t i = kept; i < levels.size(); ++i) rest += levels[i];
  bins.push_back(rest);
  return bins;
}

}  // namespace rubato
