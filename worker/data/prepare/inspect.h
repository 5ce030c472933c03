// What a CSV file holds, for a person who is about to write a run file: types, missing values,
// levels, and what to look at. All rows are looked at as if they trained.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/prepare/column_plan.h"
#include "worker/data/prepare/scan.h"
#include "worker/data/prepare/sentinel.h"
#include "worker/spec/target_description.h"

namespace rubato {

// Levels that are listed of a category, the most frequent.
inline constexpr size_t kShownLevels = 20;
// Whole numbers with more different values are not said to be a count.
inline constexpr uint64_t kMostCounts = 20;

struct Range {
  double smallest = 0.0;
  double p99 = 0.0;  // at least 99 % are at most this
  double largest = 0.0;
};

struct InspectedColumn {
  ColumnScan scan;
  std::string type;    // "number", "category", "left_out", "label"
  std::string reason;  // why, for a person
  std::vector<std::string> levels;
  std::vector<Sentinel> sentinels;  // of a number
  std::optional<Range> range;       // of numbers, also where they are codes
};

// The numbers of a label.
struct LabelFacts {
  uint64_t numbers = 0;
  uint64_t zeros = 0;
  uint64_t fractions = 0;
  double smallest = 0.0;  // these are 0 without numbers
  double median = 0.0;
  double p99 = 0.0;  // at least 99 % are at most this
  double largest = 0.0;
};

struct Inspection {
  std::string path;
  char separator = ',';
  uint64_t rows = 0;
  std::vector<InspectedColumn> columns;
  std::vector<LabelValue> label_values;  // empty without a label
  std::string stray_label;               // DescribeStrayLabel
  LabelFacts label_facts;
  std::vector<Warning> warnings;
};

// With data.label ("" for none) columns that know the answer are warned of, whatever its values are
// called: of classes the second value seen stands for 1, of numbers from 0 on all but 0, and other
// numbers are no answers to know.
// `data`: label and layout, no other key is read. `domain`: of the label; without one, more than
// two numbers are no classes. DataLoss: a row with a label that is not in `domain`.
absl::StatusOr<Inspection> InspectCsv(const std::string& path, const DataConfig& data,
                                      const std::optional<LabelDomain>& domain = std::nullopt);
// The same as text for a terminal.
std::string FormatInspectionText(const Inspection& inspection);

}  // namespace rubato
