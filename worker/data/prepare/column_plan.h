// Which columns of a CSV file are features, and of which kind.
//
// ChooseKind says which are numbers; data.drop leaves columns out. The label, the time column and
// the oracle column are no features.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/data/prepare/column_kind.h"
#include "worker/data/prepare/scan.h"
#include "worker/run_file/run_config.h"

namespace rubato {

struct Feature {
  size_t field = 0;  // index into a row
  std::string name;
  FeatureKind kind = FeatureKind::kNumeric;
  NumberForm form = {};                   // numeric: how its numbers are written
  std::vector<std::string> missing = {};  // its spellings of missing values, beside the known ones
  std::string reason = {};                // KindChoice::reason
};

// Something about a column that a person should look at; the data is prepared all the same.
struct Warning {
  std::string column;
  std::string kind;  // "constant", "copy", "date", "footer", "id_like", "leading_zeros", "leak",
                     // "marks_differ", "mixed", "rows", "sentinel", "taken"
  std::string sentence;  // whole, with the column's name
};

struct ColumnPlan {
  std::vector<Feature> features;     // in the order of the file
  std::vector<std::string> dropped;  // by data.drop
  std::vector<Warning> warnings;
};

// Share of distinct values from which a column of texts looks like an id; whole numbers only when
// all differ, as amounts often nearly do. Told from at least kIdLikeRows values.
inline constexpr double kIdLikeShare = 0.95;
inline constexpr uint64_t kIdLikeRows = 100;
// Share of a column's texts that must look like dates, or numbers with marks, for a warning.
inline constexpr double kFormShare = 0.95;

// Texts that a warning names.
inline constexpr size_t kShownTexts = 5;

// Columns of one warning beyond which they are named together.
inline constexpr size_t kNamedOneByOne = 10;
// Makes one sentence of what would be said of many columns in as many, and leaves out what means
// nothing of a pixel (`scan` of images): whether it looks like an id, or repeats its neighbour.
void SettleWarnings(const CsvScan& scan, std::vector<Warning>* warnings);

// What a column that is no feature is there for: ColumnReport::role.
std::string RoleOf(const RunConfig& config, const std::vector<std::string>& oracle,
                   const std::string& column);

// config.data for PlanColumns: what gathers or joins rows is an id, and what section [target] names
// is told already, so they are dropped, unless the run file says of which kind they are.
DataConfig PlannedData(const RunConfig& config);
// `oracle`: columns of a generated file with the best possible predictions.
// InvalidArgument: a name of the run file that is no column, or no feature left.
absl::StatusOr<ColumnPlan> PlanColumns(const CsvScan& scan, const DataConfig& data,
                                       const std::vector<std::string>& oracle);

}  // namespace rubato
