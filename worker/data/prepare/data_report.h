// What happened to the rows and columns of the input files on their way to the model: kept as
// DIR/data/cleansing.json and shown in the report.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "worker/data/dataset/dataset.h"
#include "worker/data/prepare/column_plan.h"
#include "worker/data/prepare/digest.h"
#include "worker/data/prepare/label.h"
#include "worker/data/prepare/split.h"
#include "worker/spec/prior.h"

namespace rubato {

struct ColumnReport {
  std::string name;
  std::string role;      // "number", "category", "label", "time", "group", "key", "offset",
                         // "exposure", "weight", "scale", "oracle", "dropped"
  uint64_t missing = 0;  // rows, all parts together
  uint64_t levels = 0;   // category: level ids, "other" and missing counted
  bool signed_log = false;
};

struct SplitReport {
  std::string kind;  // "hash", "time"
  int64_t seed = 0;
  std::string group;        // "": none
  std::string test_from;    // "": none
  bool stratified = false;  // as the hash left a part with few rows of a class
};

struct LabelReport {
  LabelValue value;
  LabelClass label_class = LabelClass::kNegative;
};

// read = all dropped + the rows of the parts.
struct DataReport {
  std::vector<InputFile> inputs;
  uint64_t rows_read = 0;
  uint64_t dropped_missing_label = 0;
  uint64_t dropped_missing_time = 0;
  uint64_t dropped_ignored_label = 0;
  std::vector<std::string> classes;  // Encoding::classes
  std::vector<LabelReport> labels;   // values of the label column, all files together
  SplitReport split;
  std::array<LabelSums, kSplitParts> parts;
  DatasetShape shape;
  Prior prior;                        // of the training rows
  double one_sided_gradient = 0.0;    // Constant's
  std::vector<ColumnReport> columns;  // of a CSV file, in its order
  std::vector<Warning> warnings;
};

}  // namespace rubato
