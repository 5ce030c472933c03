// Daily returns out of thin air, of which the truth is known: a GARCH(1,1) process with Student's t
// (Bollerslev 1987), so that on each evening the distribution of the next return is one of a known
// volatility:
//   r(t+1) = s(t+1) z, z of 6 degrees of freedom with variance 1
//   s(t+1)^2 = 0.02 + 0.08 r(t)^2 + 0.90 s(t)^2, in percent: 1 on average
//
// A row is a day: the features that a price series has (worker/data/tables/return_features.h) of a
// price called "index", in volatilities, the next return, and its true quantiles and shortfalls. No
// feature is the true volatility. A longer book of a seed starts with the shorter one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "worker/run_file/run_config.h"

namespace rubato {

inline constexpr char kReturnDay[] = "day";            // column of the day's number
inline constexpr char kReturnLabel[] = "next_return";  // in percent

// Column of the volatility that features are measured in, for target.scale.
std::string ReturnScale();
// Columns of the oracle: true_q_LEVEL, and true_es_LEVEL with expected shortfalls.
std::vector<std::string> ReturnOracle(const TargetConfig& target);

// Writes `rows` days. InvalidArgument: none asked for, or no levels; a file that cannot be written,
// a full disk.
absl::Status GenerateReturns(const TargetConfig& target, uint64_t rows, uint64_t seed,
                             const std::string& path);

// Of Student's t of 6 degrees of freedom with variance 1: the `level` quantile, and the mean of
// what lies below it.
double StudentQuantile(double level);
double StudentShortfall(double level);

}  // namespace rubato
