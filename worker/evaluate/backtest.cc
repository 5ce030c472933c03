#include "worker/evaluate/backtest.h"

#include <algorithm>
#include <cmath>

#include "common/base/env.h"

namespace rubato {
namespace {

// Simulated histories, and breaches in all of them: enough for a chance of 5 % to be known to 0.5
// %, few enough to be made after every pass.
constexpr double kMostHistories = 2000;
constexpr double kFewestHistories = 200;
constexpr double kMostBreaches = 1e6;
constexpr uint64_t kSeed = 0x5a32;

// n log(p), 0 where n is 0.
double Weighted(uint64_t n, double p) {
  return n == 0 ? 0.0 : static_cast<double>(n) * std::log(p);
}

// Of `breaches` among `rows` that have the chance p.
double LogLikelihood(uint64_t breaches, uint64_t rows, double p) {
  return Weighted(rows - breaches, 1.0 - p) + Weighted(breaches, p);
}

double ShareOf(uint64_t part, uint64_t all) {
  return all == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(all);
}

// Upper tails of chi-squared distributions.
LikelihoodRatio WithOneDegree(double statistic) {
  const double positive = std::max(0.0, statistic);
  return {positive, std::erfc(std::sqrt(positive / 2.0))};
}

LikelihoodRatio WithTwoDegrees(double statistic) { return {statistic, std::exp(-statistic / 2.0)}; }

// Rows until the next breach, the breach counted, if each is one with the chance `level`.
double DrawWait(double level, Rng* rng) {
  return 1.0 + std::floor(std::log1p(-rng->Uniform()) / std::log1p(-level));
}

double SimulateZ2(const TailRows& rows, Rng* rng) {
  const auto count = static_cast<double>(rows.labels.size());
  double sum = 0.0;
  for (double at = DrawWait(rows.level, rng); at <= count; at += DrawWait(rows.level, rng)) {
    const auto row = static_cast<size_t>(at) - 1;
    const double depth = rows.quantiles[row] - rows.shortfalls[row];
    sum += (rows.quantiles[row] - rng->Exponential(depth)) / rows.shortfalls[row];
  }
  return 1.0 - sum / (count * rows.level);
}

}  // namespace

LikelihoodRatio KupiecTest(uint64_t breaches, uint64_t rows, double level) {
  const double observed = ShareOf(breaches, rows);
  return WithOneDegree(
      2.0 * (LogLikelihood(breaches, rows, observed) - LogLikelihood(breaches, rows, level)));
}

LikelihoodRatio IndependenceTest(const Transitions& t) {
  const uint64_t after_none = t.none + t.begins;
  const uint64_t after_breach = t.ends + t.stays;
  const double of_all = ShareOf(t.begins + t.stays, after_none + after_breach);
  const double apart = LogLikelihood(t.begins, after_none, ShareOf(t.begins, after_none)) +
                       LogLikelihood(t.stays, after_breach, ShareOf(t.stays, after_breach));
  const double alike =
      LogLikelihood(t.begins, after_none, of_all) + LogLikelihood(t.stays, after_breach, of_all);
  return WithOneDegree(2.0 * (apart - alike));
}

LikelihoodRatio JointTest(const LikelihoodRatio& share, const LikelihoodRatio& independence) {
  return WithTwoDegrees(share.statistic + independence.statistic);
}

double BinomialBelow(uint64_t breaches, uint64_t rows, double level) {
  const auto n = static_cast<double>(rows);
  double sum = 0.0;
  for (uint64_t k = 0; k <= std::min(breaches, rows); ++k) {
    const auto x = static_cast<double>(k);
    sum += std::exp(std::lgamma(n + 1) - std::lgamma(x + 1) - std::lgamma(n - x + 1) +
                    x * std::log(level) + (n - x) * std::log1p(-level));
  }
  return std::min(sum, 1.0);
}

int BaselZone(uint64_t breaches, uint64_t rows, double level) {
  const double below = BinomialBelow(breaches, rows, level);
  return below < 0.95 ? 0 : below < 0.9999 ? 1 : 2;
}

double AcerbiSzekelyZ2(const TailRows& rows) {
  double sum = 0.0;
  for (size_t i = 0; i < rows.labels.size(); ++i) {
    if (rows.labels[i] < rows.quantiles[i]) sum += rows.labels[i] / rows.shortfalls[i];
  }
  return 1.0 - sum / (static_cast<double>(rows.labels.size()) * rows.level);
}

double AcerbiSzekelyP(const TailRows& rows, double z2) {
  const double breaches = static_cast<double>(rows.labels.size()) * rows.level;
  const auto histories = static_cast<int>(
      std::clamp(kMostBreaches / std::max(1.0, breaches), kFewestHistories, kMostHistories));
  Rng rng(kSeed);
  int below = 0;
  for (int i = 0; i < histories; ++i) below += SimulateZ2(rows, &rng) <= z2 ? 1 : 0;
  return static_cast<double>(below) / static_cast<double>(histories);
}

}  // namespace rubato
