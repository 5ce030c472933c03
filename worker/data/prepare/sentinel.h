// Numbers that stand for a missing value: repeated, spelled so that nobody takes them for a
// measurement (-1, -999, 99, 9999, 99999999, 888, 98), and apart from all others: farther from them
// than they are from each other, or the only ones below zero.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rubato {

struct Sentinel {
  double value = 0.0;
  uint64_t rows = 0;
  std::string spelling;  // as data.missing takes it
};

// Rows that a sentinel must have, and those of one side together.
inline constexpr uint64_t kSentinelRows = 2;
inline constexpr uint64_t kSentinelRowsTogether = 5;
// Different other values without which nothing is the only one below zero.
inline constexpr uint64_t kValuesAboveZero = 10;

// Those among the values of two sorted lists together, in rising order.
std::vector<Sentinel> FindSentinels(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace rubato
