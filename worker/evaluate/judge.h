// Who judges the predictions of each target: the figures that its description names
// (worker/spec/target.h), their companions (worker/spec/metric.h), and tables for the report.
#pragma once

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/spec/target.h"

namespace rubato {

// Rows of one part and what was predicted for them.
struct ScoredRows {
  std::span<const float> labels;        // [rows]
  std::span<const float> predictions;   // [rows, outputs]
  std::span<const float> offsets;       // [rows], or empty: 0
  std::span<const float> weights = {};  // [rows], or empty: 1
  std::span<const double> constant;     // [outputs] Prior::predictions, in the unit of each row
  std::span<const float> scales = {};   // [rows] these units, or empty: 1
  // Where the figures are told: a judge may leave out what costs more and is not told there.
  MetricUse use = MetricUse::kReport;
  double ConstantOf(size_t row, size_t output) const {
    return constant[output] * (scales.empty() ? 1.0 : static_cast<double>(scales[row]));
  }
};

// A table of the report: [rows][columns].
struct FigureTable {
  std::string name;
  std::vector<std::string> columns;
  std::vector<std::vector<double>> rows;
};

struct Figures {
  std::vector<std::pair<std::string, double>> numbers;  // by name; "rows" is one
  // Of quantiles: numbers by name, by the level as in the run file.
  std::map<std::string, std::map<std::string, double>> levels;
  std::vector<FigureTable> tables;
  bool Has(absl::string_view name) const;
  // The number of this name; there must be one.
  double at(absl::string_view name) const;
};

// FailedPrecondition: no rows, none that counts, or labels that nothing can be told from.
// OutOfRange: a prediction that cannot be one. Of two classes each row counts once, whatever its
// weight.
absl::StatusOr<Figures> Judge(const BinaryTarget& target, const ScoredRows& rows);
absl::StatusOr<Figures> Judge(const CountTarget& target, const ScoredRows& rows);
absl::StatusOr<Figures> Judge(const AmountTarget& target, const ScoredRows& rows);
absl::StatusOr<Figures> Judge(const TweedieTarget& target, const ScoredRows& rows);
absl::StatusOr<Figures> Judge(const RealTarget& target, const ScoredRows& rows);
absl::StatusOr<Figures> Judge(const ClassesTarget& target, const ScoredRows& rows);
// Levels are judged by each row once, the pinball loss by their weights.
absl::StatusOr<Figures> Judge(const QuantileTarget& target, const ScoredRows& rows);

}  // namespace rubato
