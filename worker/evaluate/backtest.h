// Backtests of quantiles (value at risk) and of expected shortfall: whether a level's share of the
// labels lies below its quantile, at any time alike, and how far below.
//
// A breach is a label below the quantile. Returns are as they are: a loss is negative, and so are
// the quantiles and shortfalls of the lower tail.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace rubato {

// Rows by whether they are a breach, and whether the one before is.
struct Transitions {
  uint64_t none = 0;    // neither
  uint64_t begins = 0;  // the row, and not the one before
  uint64_t ends = 0;    // the one before, and not the row
  uint64_t stays = 0;   // both
};

// A likelihood ratio, and the chance of a larger one where the null hypothesis holds.
struct LikelihoodRatio {
  double statistic = 0.0;
  double p = 1.0;
};

// That breaches have the share `level` (Kupiec 1995, proportion of failures): one degree of
// freedom.
LikelihoodRatio KupiecTest(uint64_t breaches, uint64_t rows, double level);
// That one does not follow on another more often than on none (Christoffersen 1998): one degree.
LikelihoodRatio IndependenceTest(const Transitions& transitions);
// Both together: two degrees.
LikelihoodRatio JointTest(const LikelihoodRatio& share, const LikelihoodRatio& independence);

// P(X <= breaches) of a binomial X of `rows` and `level`.
double BinomialBelow(uint64_t breaches, uint64_t rows, double level);
// The Basel Committee's traffic light (1996) for any number of rows: 0 (green), 1 (yellow) from 95
// % of BinomialBelow on, 2 (red) from 99.99 %.
int BaselZone(uint64_t breaches, uint64_t rows, double level);

// Rows of a level, in their order.
struct TailRows {
  std::span<const double> labels;
  std::span<const double> quantiles;
  std::span<const double> shortfalls;  // each below 0 and not above its quantile
  double level = 0.0;
};

// Second test of Acerbi and Szekely (2014): Z2 = 1 - sum over breaches of label / shortfall / (rows
// level). 0 on average where quantiles and shortfalls are right, below 0 where losses are larger or
// more frequent.
double AcerbiSzekelyZ2(const TailRows& rows);
// The chance of so small a Z2 or a smaller one where they are right: by simulation, with labels
// below a quantile spread exponentially, which quantile and shortfall settle. Always the same.
double AcerbiSzekelyP(const TailRows& rows, double z2);

}  // namespace rubato
