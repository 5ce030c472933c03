// A CSV text, scanned and planned as a file would be, for tests of what its columns are.
#pragma once

#include <string>

#include "gtest/gtest.h"
#include "worker/data/prepare/column_plan.h"
#include "worker/data/prepare/scan.h"
#include "worker/data/text/csv.h"

namespace rubato {

inline CsvScan ScanText(const std::string& text, const ScanRequest& request = {}) {
  auto reader = CsvReader::Read(MakeMemorySource(text), "t.csv");
  EXPECT_TRUE(reader.ok()) << reader.status();
  auto scan = ScanCsv(**reader, request);
  EXPECT_TRUE(scan.ok()) << scan.status();
  return *std::move(scan);
}

// The plan for the label "y".
inline ColumnPlan PlanText(const std::string& text, DataConfig data = {}) {
  data.label = "y";
  auto plan =
      PlanColumns(ScanText(text, {.label = "y", .time = "", .missing = data.missing}), data, {});
  EXPECT_TRUE(plan.ok()) << plan.status();
  return *std::move(plan);
}

}  // namespace rubato
