// What a CSV file holds, for a person who is about to write a run file: types, missing values,
// levels, and what to look at. All rows are looked at as if they trained.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/prepare/column_plan.h"
#include "worker/data/prepare/scan.h"
#include "worker/data/prepare/sentinel.h"

namespace rubato {

// Levels that are listed of a category, the most frequent.
inline constexpr size_t kShownLevels = 20;
// Whole numbers with more different values are not said to be a count.
inline constexpr uint64_t kMostCounts = 20;

struct InspectedColumn {
  ColumnScan scan;
  std::string type;    // "number", "category", "left_out", "label"
  std::string reason;  // why, for a person
  std::vector<std::string> levels;
  std::vector<Sentinel> sentinels;  // of a number
};

struct Inspection {
  std::string path;
  char separator = ',';
  uint64_t rows = 0;
  std::vector<InspectedColumn> columns;
  std::vector<LabelValue> label_values;  // empty without a label
  std::string stray_label;               // DescribeStrayLabel
  std::vector<Warning> warnings;
};

// With data.label ("" for none) columns that know the answer are warned of, whatever its values are
// called: the second value seen stands for 1.
// `data`: label and layout, no other key is read.
absl::StatusOr<Inspection> InspectCsv(const std::string& path, const DataConfig& data);
// The same as text for a terminal.
std::string FormatInspectionText(const Inspection& inspection);

}  // namespace rubato
