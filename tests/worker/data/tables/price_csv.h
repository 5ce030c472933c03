// Prices made in a test.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "worker/data/tables/price_history.h"

namespace rubato {

// A walk of so many days that nothing foretells, from 100 on.
inline std::vector<double> PriceWalk(size_t days, uint64_t seed = 1) {
  std::vector<double> prices = {100.0};
  while (prices.size() < days) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    const double uniform = static_cast<double>(seed >> 40) / 16777216.0;
    prices.push_back(prices.back() * std::exp(0.04 * (uniform - 0.5)));
  }
  return prices;
}

// The days of `count` weekdays from Monday, 2001-01-01, on.
inline std::vector<std::string> Weekdays(size_t count) {
  std::vector<std::string> days;
  const std::chrono::sys_days first = std::chrono::year(2001) / 1 / 1;
  for (size_t i = 0; i < count; ++i) {
    days.push_back(ShowDay(first + std::chrono::days(i / 5 * 7 + i % 5)));
  }
  return days;
}

inline std::string PriceCsv(const std::vector<std::string>& days,
                            const std::vector<double>& prices) {
  std::string text = "Date,Close\n";
  for (size_t i = 0; i < days.size(); ++i) {
    absl::StrAppendFormat(&text, "%s,%.17g\n", days[i], prices[i]);
  }
  return text;
}

}  // namespace rubato
