#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "common/base/staged_file.h"
#include "common/base/status.h"
#include "worker/data/encode/bound_csv.h"
#include "worker/data/encode/encoding.h"
#include "worker/data/encode/novelty.h"
#include "worker/data/prepare/cleanse.h"
#include "worker/data/prepare/column_plan.h"
#include "worker/data/prepare/data_json.h"
#include "worker/data/prepare/group_hint.h"
#include "worker/data/prepare/label.h"
#include "worker/data/prepare/part_writers.h"
#include "worker/data/prepare/prepare_data.h"
#include "worker/data/prepare/scan.h"
#include "worker/data/prepare/shared_groups.h"
#include "worker/data/prepare/split_check.h"
#include "worker/data/text/csv.h"
#include "worker/data/text/find_column.h"
#include "worker/data/text/level.h"
#include "worker/data/text/show_text.h"

namespace rubato {
namespace {

absl::Status Stopped() { return absl::CancelledError("stopped while preparing the data"); }

// One preparation; the steps of Run in order, each filling what the next ones read.
class CsvPreparation {
 public:
  CsvPreparation(const DataSource& source, std::string folder, const StopCheck& stop)
      : config_(source.config), oracle_(source.oracle), folder_(std::move(folder)), stop_(stop) {}

  absl::StatusOr<DataReport> Run() {
    RETURN_IF_ERROR(Scan());
    RETURN_IF_ERROR(Split());
    RETURN_IF_ERROR(Fit());
    RETURN_IF_ERROR(Write());
    ReportColumns();
    return std::move(report_);
  }

 private:
  absl::Status Scan();
  absl::Status Split();
  void LookAtGroups();
  SplitRows RowsToSplit();
  DataConfig PlannedData() const;
  absl::Status Fit();
  absl::Status Write();
  absl::Status WriteTestFile();
  void WarnOfTestFile(std::span<const ColumnNovelty> novelties);
  absl::Status WriteTestRow(const CsvReader& reader, size_t label, Encoder* encoder);
  absl::StatusOr<LabelClass> ClassOfTestRow(const CsvReader& reader, absl::string_view text) const;
  absl::Status ReportLabels();
  std::string LabelPlace() const {
    return absl::StrFormat("%s, column '%s'", config_.data.path, ShowText(config_.data.label));
  }
  // Reads the main file again; visit(reader, row's part, whether positive) for rows not dropped.
  template <class Visit>
  absl::Status ForEachRow(Visit visit);
  absl::Status AddRow(SplitPart part, const RowView& row);
  // Where the group stands, if groups of two files are to be compared.
  std::optional<size_t> GroupField(const std::vector<std::string>& header) const;
  void CompareGroup(const CsvReader& reader, std::optional<size_t> field, TestFile file);
  absl::StatusOr<std::optional<float>> TrueProbability(const CsvReader& reader) const;
  void ReportColumns();
  std::string RoleOf(const std::string& column) const;
  bool HasTestFile() const { return !config_.data.test_path.empty(); }
  // Of a row that has a label.
  LabelClass ClassOf(uint64_t row) const { return classes_[scan_.labels[row]]; }
  bool IsPositive(uint64_t row) const { return ClassOf(row) == LabelClass::kPositive; }

  const RunConfig& config_;
  const std::string oracle_;
  const std::string folder_;
  const StopCheck& stop_;

  DataReport report_;
  CsvScan scan_;
  ColumnPlan plan_;
  LabelRule rule_;
  std::vector<LabelClass> classes_;  // [scan_.label_values.size()]
  LabelCounter test_labels_;         // of the rows of a test file
  std::optional<size_t> oracle_field_;
  MissingValues group_missing_;  // of data.missing
  SharedGroups shared_groups_;
  std::vector<SplitPart> parts_;  // [rows]
  Encoding encoding_;
  std::unique_ptr<PartWriters> writers_;
};

absl::Status CsvPreparation::Scan() {
  const DataConfig& data = config_.data;
  ASSIGN_OR_RETURN(report_.inputs.emplace_back(), DigestInput(data.path));
  ASSIGN_OR_RETURN(scan_, ScanCsv(data.path, {.label = data.label,
                                              .time = data.time,
                                              .group = config_.split.group,
                                              .missing = data.missing,
                                              .header = data.header,
                                              .layout = LayoutOf(data)}));
  ASSIGN_OR_RETURN(plan_, PlanColumns(scan_, PlannedData(), oracle_));
  ASSIGN_OR_RETURN(rule_, MakeLabelRule(scan_.label_values, data, LabelPlace()));
  for (const LabelValue& value : scan_.label_values) {
    classes_.push_back(*rule_.ClassOf(value.text));
  }
  if (!HasTestFile()) RETURN_IF_ERROR(ReportLabels());
  if (!oracle_.empty()) {
    ASSIGN_OR_RETURN(oracle_field_, FindColumn(scan_.header, oracle_, "the true probability"));
  }
  report_.warnings = plan_.warnings;
  const std::string unnamed = DescribeUnnamedPositive(rule_, scan_.label_values, data);
  if (!unnamed.empty()) report_.warnings.push_back({data.label, "positive", unnamed});
  LookAtGroups();
  report_.rows_read = scan_.rows;
  return absl::OkStatus();
}

void CsvPreparation::LookAtGroups() {
  const std::string& group = config_.split.group;
  const bool may_gather = group.empty() && config_.split.kind == "hash" && !HasTestFile();
  for (const ColumnScan& column : scan_.columns) {
    auto hint = may_gather ? HintAtGroup(column) : std::nullopt;
    const bool dropped = absl::c_linear_search(plan_.dropped, column.name);
    if (hint && (!dropped || hint->kind == "repeating_id")) {
      report_.warnings.push_back(*std::move(hint));
    }
    if (column.name != group) continue;
    group_missing_ = MissingValues(column.named_missing, std::nullopt, scan_.comma());
    if (column.missing == 0) continue;
    report_.warnings.push_back(
        {group, "ungrouped",
         absl::StrFormat("column '%s', the group of the split, is missing in %s; each of them "
                         "is a group of its own",
                         ShowText(group), ShowRows(column.missing))});
  }
}

SplitRows CsvPreparation::RowsToSplit() {
  SplitRows rows = {
      .classes = {}, .times = std::move(scan_.times), .groups = std::move(scan_.groups)};
  for (uint64_t row = 0; row < scan_.rows; ++row) {
    rows.classes.push_back(scan_.labels[row] == kNoLabel ? LabelClass::kIgnored : ClassOf(row));
  }
  return rows;
}

absl::Status CsvPreparation::Split() {
  const TestFile test_file = HasTestFile() ? TestFile::kGiven : TestFile::kNone;
  ASSIGN_OR_RETURN(RowParts made, MakeCheckedSplit(RowsToSplit(), config_.split, test_file,
                                                   config_.data.path, &report_.warnings));
  parts_ = std::move(made.parts);
  report_.split = ReportSplit(config_.split, made);
  for (uint64_t row = 0; row < scan_.rows; ++row) {
    if (scan_.labels[row] == kNoLabel) {
      ++report_.dropped_missing_label;
    } else if (ClassOf(row) == LabelClass::kIgnored) {
      ++report_.dropped_ignored_label;
    } else if (parts_[row] == SplitPart::kDropped) {
      ++report_.dropped_missing_time;
    } else {
      report_.parts[static_cast<size_t>(parts_[row])].Add(IsPositive(row));
    }
  }
  return absl::OkStatus();
}

// What gathers rows is an id, and no feature unless the run file says of which kind.
DataConfig CsvPreparation::PlannedData() const {
  DataConfig data = config_.data;
  const std::string& group = config_.split.group;
  const auto names = [&group](const std::vector<std::string>& list) {
    return absl::c_linear_search(list, group);
  };
  if (!group.empty() && !names(data.categorical) && !names(data.numeric) && !names(data.drop)) {
    data.drop.push_back(group);
  }
  return data;
}

std::optional<size_t> CsvPreparation::GroupField(const std::vector<std::string>& header) const {
  const auto found = std::find(header.begin(), header.end(), config_.split.group);
  if (!HasTestFile() || found == header.end()) return std::nullopt;
  return found - header.begin();
}

void CsvPreparation::CompareGroup(const CsvReader& reader, std::optional<size_t> field,
                                  TestFile file) {
  if (!field) return;
  const absl::string_view text = TrimField(reader.fields()[*field]);
  if (IsMissing(text) || group_missing_.Hold(text)) return;
  std::string memory;
  shared_groups_.Add(LevelOf(text, reader.decimal_comma(), &memory), file);
}

template <class Visit>
absl::Status CsvPreparation::ForEachRow(Visit visit) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CsvReader> reader,
                   CsvReader::Open(config_.data.path, LayoutOf(config_.data)));
  uint64_t rows = 0;
  for (;; ++rows) {
    ASSIGN_OR_RETURN(const bool found, reader->Next());
    if (!found || rows == scan_.rows) break;
    if (rows % kRowsBetweenStopChecks == 0 && stop_()) return Stopped();
    if (parts_[rows] == SplitPart::kDropped) continue;
    RETURN_IF_ERROR(visit(*reader, parts_[rows], IsPositive(rows)));
  }
  if (rows != scan_.rows || reader->row() + 1 != rows || reader->header() != scan_.header) {
    return absl::DataLossError(absl::StrFormat(
        "%s: changed while it was being read; prepare again when it is whole", config_.data.path));
  }
  return absl::OkStatus();
}

absl::Status CsvPreparation::Fit() {
  Cleanser cleanser(plan_.features, config_.cleanse, scan_.comma());
  RETURN_IF_ERROR(ForEachRow([&](const CsvReader& reader, SplitPart part, bool positive) {
    if (part != SplitPart::kTrain) return absl::OkStatus();
    return cleanser.Add(reader.fields(),
                        positive ? Cleanser::Class::kPositive : Cleanser::Class::kNegative);
  }));
  FitResult fit = cleanser.Finish();
  encoding_ = std::move(fit.encoding);
  encoding_.prior = PriorOf(report_.parts[0], config_.cleanse);
  encoding_.label = config_.data.label;
  encoding_.positive = rule_.positive;
  encoding_.layout = LayoutOf(config_.data);
  encoding_.columns = scan_.header.size();
  report_.shape = encoding_.Shape();
  std::move(fit.warnings.begin(), fit.warnings.end(), std::back_inserter(report_.warnings));
  return absl::OkStatus();
}

absl::Status CsvPreparation::Write() {
  ASSIGN_OR_RETURN(writers_, PartWriters::Create(folder_, report_.shape));
  ASSIGN_OR_RETURN(const auto encoder, Encoder::Bind(encoding_, scan_.header, scan_.comma()));
  const std::optional<size_t> group = GroupField(scan_.header);
  RETURN_IF_ERROR(
      ForEachRow([&](const CsvReader& reader, SplitPart part, bool positive) -> absl::Status {
        CompareGroup(reader, group, TestFile::kNone);
        encoder->Encode(reader.fields());
        ASSIGN_OR_RETURN(const std::optional<float> oracle, TrueProbability(reader));
        return writers_->Add(part, {.numeric = encoder->numeric(),
                                    .categories = encoder->categories(),
                                    .label = positive ? 1.0F : 0.0F,
                                    .weight = encoding_.prior.WeightOf(positive),
                                    .true_probability = oracle});
      }));
  if (HasTestFile()) RETURN_IF_ERROR(WriteTestFile());
  RETURN_IF_ERROR(writers_->Finish());
  return WriteSealedText(absl::StrCat(folder_, "/encoding.json"), FormatEncoding(encoding_));
}

absl::StatusOr<std::optional<float>> CsvPreparation::TrueProbability(
    const CsvReader& reader) const {
  if (!oracle_field_) return std::nullopt;
  const auto value = ParseNumber(TrimField(reader.fields()[*oracle_field_]), DecimalComma::kNo);
  if (value) return static_cast<float>(*value);
  return absl::DataLossError(absl::StrFormat("%s:%d: column '%s' is not a probability",
                                             reader.name(), reader.line(), oracle_));
}

absl::Status CsvPreparation::WriteTestFile() {
  const std::string& path = config_.data.test_path;
  ASSIGN_OR_RETURN(report_.inputs.emplace_back(), DigestInput(path));
  ASSIGN_OR_RETURN(const auto test, OpenBoundCsv(encoding_, path));
  const auto& [reader, encoder] = test;
  const auto label = FindColumn(reader->header(), config_.data.label, "data.label");
  RETURN_IF_ERROR(Annotate(label.status(), path));
  const std::optional<size_t> group = GroupField(reader->header());
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, reader->Next());
    if (!found) break;
    if (reader->row() % kRowsBetweenStopChecks == 0 && stop_()) return Stopped();
    CompareGroup(*reader, group, TestFile::kGiven);
    RETURN_IF_ERROR(WriteTestRow(*reader, *label, encoder.get()));
  }
  WarnOfTestFile(encoder->novelties());
  RETURN_IF_ERROR(ReportLabels());
  return CheckTestFile(report_.parts[2], path);
}

// Levels and amounts of a later period are rightly new; texts where numbers should stand are not.
void CsvPreparation::WarnOfTestFile(std::span<const ColumnNovelty> novelties) {
  shared_groups_.Warn(config_, &report_.warnings);
  for (const ColumnNovelty& novelty : novelties) {
    if (novelty.texts.cells == 0) continue;
    report_.warnings.push_back(
        {novelty.column, "novelty",
         absl::StrCat(config_.data.test_path, ": ", DescribeTexts(novelty))});
  }
}

absl::Status CsvPreparation::WriteTestRow(const CsvReader& reader, size_t label, Encoder* encoder) {
  ++report_.rows_read;
  const absl::string_view text = TrimField(reader.fields()[label]);
  if (IsMissing(text)) {
    ++report_.dropped_missing_label;
    return absl::OkStatus();
  }
  test_labels_.Count(text);
  ASSIGN_OR_RETURN(const LabelClass label_class, ClassOfTestRow(reader, text));
  if (label_class == LabelClass::kIgnored) {
    ++report_.dropped_ignored_label;
    return absl::OkStatus();
  }
  const bool positive = label_class == LabelClass::kPositive;
  report_.parts[static_cast<size_t>(SplitPart::kTest)].Add(positive);
  encoder->Encode(reader.fields(), reader.line());
  return writers_->Add(SplitPart::kTest, {.numeric = encoder->numeric(),
                                          .categories = encoder->categories(),
                                          .label = positive ? 1.0F : 0.0F});
}

absl::StatusOr<LabelClass> CsvPreparation::ClassOfTestRow(const CsvReader& reader,
                                                          absl::string_view text) const {
  if (const std::optional<LabelClass> label_class = rule_.ClassOf(text)) return *label_class;
  return absl::FailedPreconditionError(absl::StrFormat(
      "%s:%d: nothing says what the label '%s' counts as, %s holds %s; name it in data.positive, "
      "data.negative or data.ignore",
      reader.name(), reader.line(), ShowText(text), config_.data.path,
      ShowLabels(scan_.label_values)));
}

// A value may be in one of the two files only.
absl::Status CsvPreparation::ReportLabels() {
  std::vector<LabelValue> values = scan_.label_values;
  for (const LabelValue& test : test_labels_.values()) {
    const auto same = [&test](const LabelValue& v) { return SameLabel(v.text, test.text); };
    const auto found = std::find_if(values.begin(), values.end(), same);
    if (found == values.end()) {
      values.push_back(test);
    } else {
      found->rows += test.rows;
    }
  }
  for (const LabelValue& value : values) {
    report_.labels.push_back({value, *rule_.ClassOf(value.text)});
  }
  return CheckLabelsSeen(rule_, values, LabelPlace());
}

std::string CsvPreparation::RoleOf(const std::string& column) const {
  if (column == config_.data.label) return "label";
  if (column == config_.data.time) return "time";
  if (column == config_.split.group) return "group";
  return column == oracle_ ? "oracle" : "dropped";
}

void CsvPreparation::ReportColumns() {
  for (const ColumnScan& column : scan_.columns) {
    report_.columns.push_back({.name = column.name,
                               .role = RoleOf(column.name),
                               .missing = column.missing,
                               .levels = 0,
                               .signed_log = false});
  }
  size_t n = 0;
  size_t k = 0;
  for (const Feature& feature : plan_.features) {
    ColumnReport& column = report_.columns[feature.field];
    if (feature.kind == FeatureKind::kNumeric) {
      column.role = "number";
      column.signed_log = encoding_.numeric[n++].signed_log;
    } else {
      column.role = "category";
      column.levels = kReservedLevels + encoding_.categories[k++].levels.size();
    }
  }
}

}  // namespace

absl::StatusOr<DataReport> PrepareCsv(const DataSource& source, const std::string& folder,
                                      const StopCheck& stop) {
  return CsvPreparation(source, folder, stop).Run();
}

}  // namespace rubato
