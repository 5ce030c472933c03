#include "worker/data/prepare/inspect.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "worker/data/encode/missing_values.h"
#include "worker/data/prepare/case_hint.h"
#include "worker/data/prepare/cleanse.h"
#include "worker/data/prepare/code_like.h"
#include "worker/data/prepare/group_hint.h"
#include "worker/data/prepare/number_label.h"
#include "worker/data/text/csv.h"
#include "worker/data/text/field.h"
#include "worker/data/text/find_column.h"
#include "worker/data/text/show_text.h"

namespace rubato {
namespace {

// Of those labels that are numbers, in any order.
LabelFacts LabelFactsOf(std::vector<double> labels) {
  LabelFacts facts;
  if (labels.empty()) return facts;
  std::sort(labels.begin(), labels.end());
  facts.numbers = labels.size();
  for (const double label : labels) {
    if (label == 0.0) ++facts.zeros;
    if (std::floor(label) != label) ++facts.fractions;
  }
  facts.smallest = labels.front();
  facts.median = labels[(labels.size() - 1) / 2];
  facts.p99 = labels[(labels.size() * 99 + 99) / 100 - 1];
  facts.largest = labels.back();
  return facts;
}

// The label of each row for those who ask a column what it knows of it, and its numbers.
class LabelLook {
 public:
  static absl::StatusOr<LabelLook> Make(const CsvScan& scan, const DataConfig& data,
                                        const std::optional<LabelDomain>& domain);
  Cleanser::Class ClassOf(uint64_t row) const;
  absl::Status Add(const TableReader& reader);
  LabelFacts Facts() const { return LabelFactsOf(numbers_); }

 private:
  explicit LabelLook(const CsvScan& scan) : scan_(scan) {}

  const CsvScan& scan_;
  std::optional<size_t> field_;
  std::optional<LabelDomain> number_;  // that a label must be
  // Index into label_values: one class; the other values are the other.
  std::optional<size_t> value_;
  bool value_is_positive_ = true;
  std::vector<double> numbers_;
};

// Of numbers from 0 on, at least one of each.
std::optional<size_t> FindZero(const CsvScan& scan, const ColumnScan& label) {
  if (label.texts > 0 || label.marks.marked() > 0 || label.smallest < 0.0) return std::nullopt;
  const auto& values = scan.label_values;
  const auto zero = std::find_if(values.begin(), values.end(), [](const LabelValue& value) {
    return SameLabel(value.text, "0");
  });
  const auto index = static_cast<size_t>(zero - values.begin());
  return index < std::min(values.size(), kMaxLabelValues) ? std::optional(index) : std::nullopt;
}

absl::StatusOr<LabelLook> LabelLook::Make(const CsvScan& scan, const DataConfig& data,
                                          const std::optional<LabelDomain>& domain) {
  LabelLook look(scan);
  if (data.label.empty()) return look;
  ASSIGN_OR_RETURN(look.field_, FindColumn(scan.header, data.label, "data.label"));
  const ColumnScan& label = scan.columns[*look.field_];
  if (domain && domain->is_number()) look.number_ = domain;
  const bool many = scan.label_values.size() > 2 && label.LooksNumeric();
  look.value_is_positive_ = domain ? domain->two_classes() : !many;
  look.value_ = look.value_is_positive_ ? std::optional<size_t>(1) : FindZero(scan, label);
  return look;
}

Cleanser::Class LabelLook::ClassOf(uint64_t row) const {
  const bool labelled = value_ && row < scan_.labels.size() && scan_.labels[row] != kNoLabel;
  const bool positive = labelled && (scan_.labels[row] == *value_) == value_is_positive_;
  return positive ? Cleanser::Class::kPositive : Cleanser::Class::kNegative;
}

absl::Status LabelLook::Add(const TableReader& reader) {
  if (!field_) return absl::OkStatus();
  const absl::string_view text = TrimField(reader.fields()[*field_]);
  if (IsMissing(text)) return absl::OkStatus();
  if (number_) {
    const auto label = ReadNumberLabel(text, *number_, reader.decimal_comma());
    if (!label.ok()) return Annotate(label.status(), reader.where());
  }
  if (const auto number = ParseNumber(text, reader.decimal_comma())) numbers_.push_back(*number);
  return absl::OkStatus();
}

absl::StatusOr<FitResult> FitAll(const CsvScan& scan, const CsvLayout& layout,
                                 const std::vector<Feature>& features, LabelLook* label) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CsvReader> reader, CsvReader::Open(scan.path, layout));
  Cleanser cleanser(features, CleanseConfig{.min_level_count = 1}, reader->decimal_comma());
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, reader->Next());
    if (!found) return cleanser.Finish();
    RETURN_IF_ERROR(label->Add(*reader));
    RETURN_IF_ERROR(cleanser.Add(reader->fields(), label->ClassOf(reader->row())));
  }
}

// Why a warning leaves a column out of a run file that is written by it; "" when it does not.
std::string LeftOutReason(const Warning& warning) {
  static constexpr std::array<std::pair<absl::string_view, absl::string_view>, 7> kReasons = {{
      {"id_like", "looks like an id"},
      {"repeating_id", "looks like an id that repeats"},
      {"constant", "tells nothing: the same in all rows"},
      {"leak", "alone predicts the label: known only afterwards?"},
      {"copy", "a copy of another column"},
      {"date", "dates"},
      {"marks_differ", "numbers with different marks"},
  }};
  for (const auto& [kind, reason] : kReasons) {
    if (warning.kind == kind) return std::string(reason);
  }
  return "";
}

// Features that are no ids: an id may have more values than a category can.
std::vector<Feature> KeptBy(const std::vector<Warning>& warnings,
                            const std::vector<Feature>& features) {
  absl::flat_hash_set<std::string> ids;
  for (const Warning& warning : warnings) {
    if (warning.kind == "id_like" || warning.kind == "repeating_id") ids.insert(warning.column);
  }
  std::vector<Feature> kept;
  for (const Feature& feature : features) {
    if (!ids.contains(feature.name)) kept.push_back(feature);
  }
  return kept;
}

// Which of the numbers are codes.
void JudgeNumber(const NumericFacts& facts, InspectedColumn* column) {
  std::vector<ValueCounts> values;
  for (const ValueCounts& value : facts.values) {
    const auto is_it = [&](const Sentinel& sentinel) { return sentinel.value == value.value; };
    if (std::none_of(facts.sentinels.begin(), facts.sentinels.end(), is_it)) {
      values.push_back(value);
    }
  }
  const std::string code = CodeReason(column->scan, values);
  if (!code.empty()) {
    column->type = "category";
    column->reason = code;
    return;
  }
  column->sentinels = facts.sentinels;
  const bool few = column->scan.fractions == 0 && column->scan.distinct <= kMostCounts;
  if (few && column->reason == "numbers") column->reason = "whole numbers, a count and no codes";
}

// Tells of `features` what their values say.
void Describe(const std::vector<Feature>& features, FitResult* fit,
              std::vector<InspectedColumn>* columns, std::vector<Warning>* warnings) {
  auto category = fit->encoding.categories.begin();
  size_t numeric = 0;
  for (const Feature& feature : features) {
    InspectedColumn& column = (*columns)[feature.field];
    if (feature.kind == FeatureKind::kNumeric) {
      const NumericEncoding& encoding = fit->encoding.numeric[numeric];
      const NumericFacts& facts = fit->facts[numeric++];
      if (column.scan.numbers > 0) column.range = {encoding.low, facts.p99, encoding.high};
      JudgeNumber(facts, &column);
      continue;
    }
    column.levels = std::move((category++)->levels);
    if (auto hint = HintAtCase(feature.name, column.levels)) warnings->push_back(*std::move(hint));
    column.levels.resize(std::min(column.levels.size(), kShownLevels));
  }
}

// Keeps of the warnings what is left to say, and leaves columns out by them.
void Settle(std::vector<Warning> warnings, Inspection* inspection) {
  const auto column_of = [&](const Warning& warning) {
    return std::find_if(inspection->columns.begin(), inspection->columns.end(),
                        [&](const auto& column) { return column.scan.name == warning.column; });
  };
  for (Warning& warning : warnings) {
    const auto column = column_of(warning);
    if (column == inspection->columns.end()) continue;
    if (warning.kind == "sentinel" && column->type == "category") continue;  // levels like others
    const std::string reason = LeftOutReason(warning);
    if (!reason.empty() && column->type != "left_out") {
      column->type = "left_out";
      column->reason = reason;
    }
    inspection->warnings.push_back(std::move(warning));
  }
}

std::string FormatColumn(const InspectedColumn& column) {
  const auto show = [](std::string* out, const std::string& value) { *out += ShowText(value); };
  return absl::StrFormat(
      "  %-24s %-9s %d missing, %d distinct: %s%s; %s\n", ShowText(column.scan.name), column.type,
      column.scan.missing, column.scan.distinct, absl::StrJoin(column.scan.examples, ", ", show),
      column.scan.distinct > column.scan.examples.size() ? ", ..." : "", column.reason);
}

}  // namespace

absl::StatusOr<Inspection> InspectCsv(const std::string& path, const DataConfig& data,
                                      const std::optional<LabelDomain>& domain) {
  ASSIGN_OR_RETURN(
      const CsvScan scan,
      ScanCsv({.path = path, .layout = LayoutOf(data)},
              {.label = data.label, .time = "", .missing = data.missing, .header = data.header}));
  ASSIGN_OR_RETURN(ColumnPlan plan, PlanColumns(scan, data, {}));
  std::vector<Warning> warnings = std::move(plan.warnings);
  for (const Feature& feature : plan.features) {
    if (auto hint = HintAtGroup(scan.columns[feature.field])) warnings.push_back(*std::move(hint));
  }
  const std::vector<Feature> kept = KeptBy(warnings, plan.features);
  ASSIGN_OR_RETURN(LabelLook label, LabelLook::Make(scan, data, domain));
  ASSIGN_OR_RETURN(FitResult fit, FitAll(scan, LayoutOf(data), kept, &label));
  Inspection inspection{.path = path,
                        .separator = scan.separator,
                        .rows = scan.rows,
                        .columns = {},
                        .label_values = scan.label_values,
                        .stray_label = DescribeStrayLabel(scan.label_values, data.label),
                        .label_facts = label.Facts(),
                        .warnings = {}};
  for (const ColumnScan& column : scan.columns) {
    inspection.columns.push_back({column, "label", "", {}, {}, {}});
  }
  for (const Feature& feature : plan.features) {
    InspectedColumn& column = inspection.columns[feature.field];
    column.reason = feature.reason;
    column.type = feature.kind == FeatureKind::kNumeric ? "number" : "category";
  }
  Describe(kept, &fit, &inspection.columns, &warnings);
  std::move(fit.warnings.begin(), fit.warnings.end(), std::back_inserter(warnings));
  Settle(std::move(warnings), &inspection);
  return inspection;
}

std::string FormatInspectionText(const Inspection& inspection) {
  std::string text = absl::StrFormat(
      "%s: %s, %d columns, separated by %s\n", inspection.path, ShowRows(inspection.rows),
      inspection.columns.size(),
      inspection.separator == '\t' ? "tabs" : absl::StrFormat("'%c'", inspection.separator));
  if (inspection.rows > kDistinctRows) {
    absl::StrAppendFormat(&text, "(distinct values counted in the first %d rows)\n", kDistinctRows);
  }
  for (const InspectedColumn& column : inspection.columns) {
    absl::StrAppend(&text, FormatColumn(column));
  }
  for (const LabelValue& value : inspection.label_values) {
    absl::StrAppendFormat(&text, "label '%s': %s\n", ShowText(value.text), ShowRows(value.rows));
  }
  for (const Warning& warning : inspection.warnings) {
    absl::StrAppend(&text, "warning: ", warning.sentence, "\n");
  }
  return text;
}

}  // namespace rubato
