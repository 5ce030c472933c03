#include "worker/data/inspect.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_join.h"
#include "common/status.h"
#include "worker/data/cleanse.h"
#include "worker/data/csv.h"
#include "worker/data/group_hint.h"
#include "worker/data/show_text.h"

namespace rubato {
namespace {

absl::StatusOr<FitResult> FitAll(const CsvScan& scan, const CsvLayout& layout,
                                 const ColumnPlan& plan) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CsvReader> reader, CsvReader::Open(scan.path, layout));
  Cleanser cleanser(plan.features, CleanseConfig{.min_level_count = 1}, reader->decimal_comma());
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, reader->Next());
    if (!found) return cleanser.Finish();
    const uint64_t row = reader->row();
    const bool positive = row < scan.labels.size() && scan.labels[row] == 1;
    RETURN_IF_ERROR(cleanser.Add(
        reader->fields(), positive ? Cleanser::Class::kPositive : Cleanser::Class::kNegative));
  }
}

void WarnOfCodes(const ColumnScan& column, std::vector<Warning>* warnings) {
  if (column.fractions > 0 || column.distinct < 3 || column.distinct > kMostCodes) return;
  warnings->push_back({column.name, "code_like",
                       absl::StrFormat("column '%s' holds %d different whole numbers; name it in "
                                       "data.categorical if they are codes and not amounts",
                                       ShowText(column.name), column.distinct)});
}

std::string FormatColumn(const InspectedColumn& column) {
  std::string line = absl::StrFormat("  %-24s %-9s %d missing", ShowText(column.scan.name),
                                     column.type, column.scan.missing);
  absl::StrAppendFormat(&line, ", %d distinct", column.scan.distinct);
  if (!column.levels.empty()) {
    const size_t shown = std::min<size_t>(column.levels.size(), 5);
    const auto show = [](std::string* out, const std::string& level) { *out += ShowText(level); };
    const auto end = column.levels.begin() + static_cast<std::ptrdiff_t>(shown);
    absl::StrAppend(&line, ": ", absl::StrJoin(column.levels.begin(), end, ", ", show),
                    column.scan.distinct > shown ? ", ..." : "");
  }
  return line + "\n";
}

}  // namespace

absl::StatusOr<Inspection> InspectCsv(const std::string& path, const DataConfig& data) {
  ASSIGN_OR_RETURN(const CsvScan scan, ScanCsv(path, {.label = data.label,
                                                      .time = "",
                                                      .missing = data.missing,
                                                      .header = data.header,
                                                      .layout = LayoutOf(data)}));
  ASSIGN_OR_RETURN(ColumnPlan plan, PlanColumns(scan, data, ""));
  ASSIGN_OR_RETURN(FitResult fit, FitAll(scan, LayoutOf(data), plan));
  Inspection inspection{.path = path,
                        .separator = scan.separator,
                        .rows = scan.rows,
                        .columns = {},
                        .label_values = scan.label_values,
                        .warnings = std::move(plan.warnings)};
  for (const ColumnScan& column : scan.columns) {
    inspection.columns.push_back({column, "label", {}});
  }
  auto category = fit.encoding.categories.begin();
  for (const Feature& feature : plan.features) {
    InspectedColumn& column = inspection.columns[feature.field];
    column.type = feature.kind == FeatureKind::kNumeric ? "number" : "category";
    if (auto hint = HintAtGroup(column.scan)) inspection.warnings.push_back(*std::move(hint));
    if (feature.kind == FeatureKind::kNumeric) {
      WarnOfCodes(column.scan, &inspection.warnings);
      continue;
    }
    column.levels = std::move((category++)->levels);
    column.levels.resize(std::min(column.levels.size(), kShownLevels));
  }
  std::move(fit.warnings.begin(), fit.warnings.end(), std::back_inserter(inspection.warnings));
  return inspection;
}

std::string FormatInspectionText(const Inspection& inspection) {
  std::string text = absl::StrFormat(
      "%s: %d rows, %d columns, separated by %s\n", inspection.path, inspection.rows,
      inspection.columns.size(),
      inspection.separator == '\t' ? "tabs" : absl::StrFormat("'%c'", inspection.separator));
  if (inspection.rows > kDistinctRows) {
    absl::StrAppendFormat(&text, "(distinct values counted in the first %d rows)\n", kDistinctRows);
  }
  for (const InspectedColumn& column : inspection.columns) {
    absl::StrAppend(&text, FormatColumn(column));
  }
  for (const LabelValue& value : inspection.label_values) {
    absl::StrAppendFormat(&text, "label '%s': %d rows\n", ShowText(value.text), value.rows);
  }
  for (const Warning& warning : inspection.warnings) {
    absl::StrAppend(&text, "warning: ", warning.sentence, "\n");
  }
  return text;
}

}  // namespace rubato
