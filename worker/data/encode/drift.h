// How differently the values of a column are spread in rows to be scored and in training rows: the
// population stability index, as credit scoring uses it (Siddiqi, Credit Risk Scorecards, 2006, ch.
// 15): over bins, of p in training and q now, the sum of (q - p) ln(q / p). 0.1 is a shift to look
// at, 0.25 one that a model is usually fitted anew for.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace rubato {

// Bins of a number: tenths of the training rows, fewer where values repeat.
inline constexpr uint64_t kDriftBins = 10;
// Of a category: rare and missing levels, and its 20 most frequent ones; all others are one.
inline constexpr size_t kDriftLevels = 22;
inline constexpr double kGreatDrift = 0.25;

// Rows of the same bins. Half a row is added to each, so that an empty one has no infinite weight.
// 0 where it is no more than chance makes of so few rows: without any shift the index of n and m
// rows is near (1/n + 1/m) times a chi-squared of one degree less than there are bins (Yurdakul
// 2018, "Statistical Properties of Population Stability Index"), and more than that one's mean and
// four deviations is no chance.
double Drift(std::span<const uint64_t> trained, std::span<const uint64_t> now);

// Counts of a category as of CategoryEncoding::rows, with all but the first kDriftLevels in one.
std::vector<uint64_t> DriftBinsOf(std::span<const uint64_t> levels);

}  // namespace rubato
