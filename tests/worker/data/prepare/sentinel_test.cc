#include "worker/data/prepare/sentinel.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/worker/data/prepare/scan_text.h"
#include "worker/data/prepare/cleanse.h"

namespace rubato {
namespace {

// The sentinels among 100 values from `low` on, `step` apart, and five times each of `repeated`.
std::string Found(double low, double step, const std::vector<double>& repeated) {
  std::vector<double> values;
  for (int i = 0; i < 100; ++i) values.push_back(low + step * i);
  for (const double value : repeated) values.insert(values.end(), 5, value);
  std::sort(values.begin(), values.end());
  std::string found;
  for (const Sentinel& sentinel : FindSentinels(values, {})) {
    absl::StrAppend(&found, sentinel.spelling, " x ", sentinel.rows, ";");
  }
  return found;
}

TEST(Sentinel, RepeatedNinesFarFromAllOthers) {
  EXPECT_EQ(Found(5000, 100, {-999, 99999999}), "-999 x 5;99999999 x 5;");
  EXPECT_EQ(Found(0, 0.1, {96, 98}), "96 x 5;98 x 5;");
  EXPECT_EQ(Found(-50, 1, {-9999, 9999}), "-9999 x 5;9999 x 5;");
  EXPECT_EQ(Found(0, 1, {-1}), "-1 x 5;");
  EXPECT_EQ(Found(0, 0.05, {999.9}), "999.9 x 5;");
  EXPECT_EQ(Found(0, 1, {8888}), "8888 x 5;");
}

TEST(Sentinel, WhatMayBeAMeasurementIsNone) {
  EXPECT_EQ(Found(0, 1, {}), "") << "99 is the end of the range";
  EXPECT_EQ(Found(0, 1, {100}), "") << "an amount that repeats";
  EXPECT_EQ(Found(0, 100, {9999}), "") << "near the others";
  EXPECT_EQ(Found(-20, 1, {-999}), "-999 x 5;");
  EXPECT_EQ(Found(-20, 10, {-99}), "") << "below zero are others too";
  EXPECT_EQ(FindSentinels({-1, 0, 1}, {9999}).size(), 0u) << "once";
  EXPECT_EQ(FindSentinels({}, {}).size(), 0u);
}

TEST(Sentinel, IsWarnedOfUntilTheRunFileNamesIt) {
  std::string text = "\"income \"\"net\"\"\",y\n";
  for (int i = 0; i < 100; ++i) absl::StrAppend(&text, 5000 + 100 * i, ".5,", i % 2, "\n");
  for (int i = 0; i < 6; ++i) absl::StrAppend(&text, "-999,", i % 2, "\n");
  const auto fit = [&text](const ColumnPlan& plan) {
    auto reader = CsvReader::Read(MakeMemorySource(text), "t.csv");
    Cleanser cleanser(plan.features, {}, DecimalComma::kNo);
    while (*(*reader)->Next()) {
      EXPECT_TRUE(cleanser.Add((*reader)->fields(), Cleanser::Class::kNegative).ok());
    }
    return cleanser.Finish().warnings;
  };
  const std::vector<Warning> warnings = fit(PlanText(text));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(
      warnings[0].sentence,
      "column 'income \"net\"': far from all other values: -999 (6 rows); for missing values say "
      "data.missing = [\"income \\\"net\\\"=-999\"]");
  DataConfig data;
  data.missing = {"income \"net\"=-999"};
  EXPECT_TRUE(fit(PlanText(text, data)).empty());
}

}  // namespace
}  // namespace rubato
