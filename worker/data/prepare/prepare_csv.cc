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
#include "worker/data/encode/bound_table.h"
#include "worker/data/encode/encoding.h"
#include "worker/data/encode/encoding_json.h"
#include "worker/data/encode/missing_values.h"
#include "worker/data/encode/novelty.h"
#include "worker/data/prepare/cleanse.h"
#include "worker/data/prepare/column_plan.h"
#include "worker/data/prepare/csv_labels.h"
#include "worker/data/prepare/group_hint.h"
#include "worker/data/prepare/part_writers.h"
#include "worker/data/prepare/prepare_data.h"
#include "worker/data/prepare/row_terms.h"
#include "worker/data/prepare/scan.h"
#include "worker/data/prepare/shared_groups.h"
#include "worker/data/prepare/split_check.h"
#include "worker/data/text/find_column.h"
#include "worker/data/text/join.h"
#include "worker/data/text/level.h"
#include "worker/data/text/show_text.h"

namespace rubato {
namespace {

absl::Status Stopped() { return absl::CancelledError("stopped while preparing the data"); }

// One preparation; the steps of Run in order, each filling what the next ones read.
class CsvPreparation {
 public:
  CsvPreparation(const DataSource& source, std::string folder, const StopCheck& stop)
      : config_(source.config),
        target_(source.target),
        description_(DescriptionOf(target_)),
        domain_(description_.label),
        oracle_(source.oracle),
        file_(MainFile(config_)),
        folder_(std::move(folder)),
        stop_(stop) {}

  absl::StatusOr<DataReport> Run() {
    RETURN_IF_ERROR(Scan());
    RETURN_IF_ERROR(Split());
    RETURN_IF_ERROR(Fit());
    RETURN_IF_ERROR(Write());
    ReportColumns();
    SettleWarnings(scan_, &report_.warnings);
    return std::move(report_);
  }

 private:
  absl::Status Scan();
  // Begins the digests of its files.
  absl::Status Digest(const TableFile& file);
  absl::Status LoadJoin();
  absl::Status Split();
  void LookAtGroups();
  SplitRows RowsToSplit();
  absl::Status Fit();
  absl::Status Write();
  absl::Status WriteTestFile();
  void WarnOfUnmatched(const std::optional<ColumnNovelty>& keys, const std::string& path);
  void WarnOfTestFile(std::span<const ColumnNovelty> novelties);
  // Of the test file: the label's field, and what else its rows say.
  struct TestColumns {
    size_t label;
    RowTerms terms;
  };
  absl::Status WriteTestRow(const TableReader& reader, const TestColumns& columns,
                            Encoder* encoder);
  // Reads the main file again; visit(reader, row's part, its label) for rows not dropped.
  template <class Visit>
  absl::Status ForEachRow(Visit visit);
  absl::Status AddRow(SplitPart part, const RowView& row);
  // Where the group stands, if groups of two files are to be compared.
  std::optional<size_t> GroupField(const std::vector<std::string>& header) const;
  void CompareGroup(const TableReader& reader, std::optional<size_t> field, TestFile file);
  void ReportColumns();
  bool HasTestFile() const { return !config_.data.test_path.empty(); }

  const RunConfig& config_;
  const Target& target_;
  const TargetDescription& description_;
  const LabelDomain& domain_;
  const std::vector<std::string>& oracle_;
  const TableFile file_;
  const std::string folder_;
  const StopCheck& stop_;

  DataReport report_;
  std::vector<std::unique_ptr<InputDigest>> digests_;  // not yet in report_.inputs
  std::shared_ptr<const JoinTable> join_;              // nullptr: none
  CsvScan scan_;
  ColumnPlan plan_;
  std::optional<CsvLabels> labels_;
  RowTerms terms_;  // of the main file
  OracleColumns oracle_columns_;
  MissingValues group_missing_;  // of data.missing
  SharedGroups shared_groups_;
  std::vector<SplitPart> parts_;  // [rows]
  Encoding encoding_;
  LabelSums taught_;  // of the training rows, in their units
  TrainingPrior prior_;
  std::unique_ptr<PartWriters> writers_;
};

absl::Status CsvPreparation::Digest(const TableFile& file) {
  ASSIGN_OR_RETURN(digests_.emplace_back(), InputDigest::Begin(file.path));
  if (file.labels.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(digests_.emplace_back(), InputDigest::Begin(file.labels));
  return absl::OkStatus();
}

absl::Status CsvPreparation::LoadJoin() {
  const JoinConfig& join = config_.data.join;
  if (join.path.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(digests_.emplace_back(), InputDigest::Begin(join.path));
  ASSIGN_OR_RETURN(join_, JoinTable::Load(join));
  return absl::OkStatus();
}

absl::Status CsvPreparation::Scan() {
  const DataConfig& data = config_.data;
  RETURN_IF_ERROR(Digest(file_));
  RETURN_IF_ERROR(LoadJoin());
  ASSIGN_OR_RETURN(scan_, ScanCsv(file_, {.label = data.label,
                                          .time = data.time,
                                          .group = config_.split.group,
                                          .missing = data.missing,
                                          .header = data.header,
                                          .join = join_}));
  RETURN_IF_ERROR(FinishDigests(&digests_, &report_.inputs));
  auto terms = RowTerms::Bind(config_.target, description_, scan_, scan_.header);
  RETURN_IF_ERROR(Annotate(terms.status(), data.path));
  terms_ = *std::move(terms);
  ASSIGN_OR_RETURN(plan_, PlanColumns(scan_, PlannedData(config_), oracle_));
  report_.warnings = plan_.warnings;
  WarnOfUnmatched(scan_.unmatched, data.path);
  ASSIGN_OR_RETURN(labels_, CsvLabels::Make(scan_, data, domain_));
  if (!HasTestFile()) RETURN_IF_ERROR(labels_->Report(&report_.labels));
  labels_->WarnOfUnnamedPositive(&report_.warnings);
  ASSIGN_OR_RETURN(oracle_columns_, OracleColumns::Bind(oracle_, scan_.header));
  LookAtGroups();
  report_.rows_read = scan_.rows;
  return absl::OkStatus();
}

void CsvPreparation::LookAtGroups() {
  const std::string& group = config_.split.group;
  const bool may_gather =
      group.empty() && config_.split.kind == "hash" && !HasTestFile() && file_.format == "csv";
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
  SplitRows rows = {.classes = {},
                    .times = std::move(scan_.times),
                    .groups = std::move(scan_.groups),
                    .two_classes = domain_.two_classes()};
  for (uint64_t row = 0; row < scan_.rows; ++row) {
    rows.classes.push_back(scan_.labels[row] == kNoLabel ? LabelClass::kIgnored
                                                         : labels_->ClassOf(row));
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
    } else if (labels_->ClassOf(row) == LabelClass::kIgnored) {
      ++report_.dropped_ignored_label;
    } else if (parts_[row] == SplitPart::kDropped) {
      ++report_.dropped_missing_time;
    }
  }
  return absl::OkStatus();
}

std::optional<size_t> CsvPreparation::GroupField(const std::vector<std::string>& header) const {
  const auto found = std::find(header.begin(), header.end(), config_.split.group);
  if (!HasTestFile() || found == header.end()) return std::nullopt;
  return found - header.begin();
}

void CsvPreparation::CompareGroup(const TableReader& reader, std::optional<size_t> field,
                                  TestFile file) {
  if (!field) return;
  const absl::string_view text = TrimField(reader.fields()[*field]);
  if (IsMissing(text) || group_missing_.Hold(text)) return;
  std::string memory;
  shared_groups_.Add(LevelOf(text, reader.decimal_comma(), &memory), file);
}

template <class Visit>
absl::Status CsvPreparation::ForEachRow(Visit visit) {
  ASSIGN_OR_RETURN(const OpenedTable table, OpenTable(file_, join_));
  const auto& reader = table.reader;
  uint64_t rows = 0;
  for (;; ++rows) {
    ASSIGN_OR_RETURN(const bool found, reader->Next());
    if (!found || rows == scan_.rows) break;
    if (rows % kRowsBetweenStopChecks == 0 && stop_()) return Stopped();
    if (parts_[rows] == SplitPart::kDropped) continue;
    ASSIGN_OR_RETURN(const float label, labels_->Read(*reader, rows));
    RETURN_IF_ERROR(visit(*reader, parts_[rows], label));
  }
  if (rows != scan_.rows || reader->row() + 1 != rows || reader->header() != scan_.header) {
    return absl::DataLossError(absl::StrFormat(
        "%s: changed while it was being read; prepare again when it is whole", config_.data.path));
  }
  return absl::OkStatus();
}

absl::Status CsvPreparation::Fit() {
  Cleanser cleanser(plan_.features, config_.cleanse, scan_.comma());
  taught_.keeps_each = description_.fits_each;
  RETURN_IF_ERROR(
      ForEachRow([&](const TableReader& reader, SplitPart part, float label) -> absl::Status {
        ASSIGN_OR_RETURN(const LabelRow taught, terms_.Read(reader, label));
        report_.parts[static_cast<size_t>(part)].Add(taught);
        if (part != SplitPart::kTrain) return absl::OkStatus();
        taught_.Add(taught.InItsUnit());
        const bool positive = domain_.two_classes() && label == 1.0F;
        return cleanser.Add(reader.fields(),
                            positive ? Cleanser::Class::kPositive : Cleanser::Class::kNegative);
      }));
  RETURN_IF_ERROR(CheckTrainingLabels(taught_, description_, config_.data.path));
  RETURN_IF_ERROR(CheckClassesTrained(labels_->names(), taught_, labels_->Column()));
  FitResult fit = cleanser.Finish();
  encoding_ = std::move(fit.encoding);
  if (!scan_.item.empty()) ScaleTogether(&encoding_);
  prior_ = FitPrior(target_, taught_, config_.cleanse);
  encoding_.prior = report_.prior = prior_.prior;
  report_.one_sided_gradient = prior_.one_sided_gradient;
  encoding_.label = config_.data.label;
  encoding_.offset = EncodeOffset(config_.target, description_, scan_);
  encoding_.scale = EncodeScale(config_.target, scan_);
  encoding_.positive = labels_->positive();
  encoding_.classes = report_.classes = labels_->names();
  encoding_.format = file_.format;
  encoding_.item = scan_.item;
  encoding_.series = file_.series;
  encoding_.layout = file_.layout;
  encoding_.columns = scan_.header.size();
  if (join_ != nullptr) encoding_.join = EncodeJoin(*join_, encoding_);
  report_.shape = encoding_.Shape();
  std::move(fit.warnings.begin(), fit.warnings.end(), std::back_inserter(report_.warnings));
  return absl::OkStatus();
}

absl::Status CsvPreparation::Write() {
  PartSizes sizes;
  for (size_t part = 0; part < kSplitParts - (HasTestFile() ? 1 : 0); ++part) {
    sizes[part] = {.rows = report_.parts[part].rows, .entries = 0, .oracle = oracle_.size()};
  }
  ASSIGN_OR_RETURN(writers_, PartWriters::Create(folder_, report_.shape, sizes));
  ASSIGN_OR_RETURN(const auto encoder, Encoder::Bind(encoding_, scan_.header, scan_.comma()));
  const std::optional<size_t> group = GroupField(scan_.header);
  RETURN_IF_ERROR(
      ForEachRow([&](const TableReader& reader, SplitPart part, float label) -> absl::Status {
        CompareGroup(reader, group, TestFile::kNone);
        encoder->Encode(reader.fields());
        ASSIGN_OR_RETURN(const LabelRow taught, terms_.Read(reader, label));
        ASSIGN_OR_RETURN(const std::vector<float> oracle, oracle_columns_.Read(reader));
        RowView row = prior_.Told(part, taught);
        row.numeric = encoder->numeric();
        row.categories = encoder->categories();
        row.oracle = oracle;
        return writers_->Add(part, row);
      }));
  if (HasTestFile()) RETURN_IF_ERROR(WriteTestFile());
  RETURN_IF_ERROR(writers_->Finish());
  return WriteChecksummedText(absl::StrCat(folder_, "/encoding.json"), FormatEncoding(encoding_));
}

absl::Status CsvPreparation::WriteTestFile() {
  const std::string& path = config_.data.test_path;
  const TableFile file = TestTable(config_);
  RETURN_IF_ERROR(Digest(file));
  ASSIGN_OR_RETURN(const auto test, OpenBoundTable(encoding_, file, join_));
  const auto& [reader, encoder, joined] = test;
  const auto label = FindColumn(reader->header(), config_.data.label, "data.label");
  RETURN_IF_ERROR(Annotate(label.status(), path));
  auto terms = RowTerms::Bind(config_.target, description_, scan_, reader->header());
  RETURN_IF_ERROR(Annotate(terms.status(), path));
  const TestColumns columns = {*label, *std::move(terms)};
  const std::optional<size_t> group = GroupField(reader->header());
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, reader->Next());
    if (!found) break;
    if (reader->row() % kRowsBetweenStopChecks == 0 && stop_()) return Stopped();
    CompareGroup(*reader, group, TestFile::kGiven);
    RETURN_IF_ERROR(WriteTestRow(*reader, columns, encoder.get()));
  }
  RETURN_IF_ERROR(FinishDigests(&digests_, &report_.inputs));
  for (const std::string& remark : reader->remarks()) {
    report_.warnings.push_back({"", "rows", absl::StrCat(path, ": ", remark)});
  }
  WarnOfTestFile(encoder->novelties());
  WarnOfUnmatched(JoinNovelty(joined.get()), path);
  RETURN_IF_ERROR(labels_->Report(&report_.labels));
  return CheckTestFile(report_.parts[2], domain_, path);
}

void CsvPreparation::WarnOfUnmatched(const std::optional<ColumnNovelty>& keys,
                                     const std::string& path) {
  if (!keys || keys->unmatched.cells == 0) return;
  report_.warnings.push_back(
      {keys->column, "unmatched", absl::StrCat(path, ": ", DescribeUnmatched(*keys))});
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

absl::Status CsvPreparation::WriteTestRow(const TableReader& reader, const TestColumns& columns,
                                          Encoder* encoder) {
  ++report_.rows_read;
  const absl::string_view text = TrimField(reader.fields()[columns.label]);
  if (IsMissing(text)) {
    ++report_.dropped_missing_label;
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::optional<float> value, labels_->ReadTestRow(reader, text));
  if (!value) {
    ++report_.dropped_ignored_label;
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const LabelRow taught, columns.terms.Read(reader, *value));
  report_.parts[static_cast<size_t>(SplitPart::kTest)].Add(taught);
  encoder->Encode(reader.fields(), reader.line());
  RowView row = prior_.Told(SplitPart::kTest, taught);
  row.numeric = encoder->numeric();
  row.categories = encoder->categories();
  return writers_->Add(SplitPart::kTest, row);
}

void CsvPreparation::ReportColumns() {
  for (const ColumnScan& column : scan_.columns) {
    const std::string role = RoleOf(config_, oracle_, column.name);
    report_.columns.push_back({column.name, role, column.missing, 0, false});
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
