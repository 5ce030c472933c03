#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/staged_file.h"
#include "common/base/status.h"
#include "worker/data/encode/encoding.h"
#include "worker/data/encode/encoding_json.h"
#include "worker/data/encode/index_set.h"
#include "worker/data/prepare/label.h"
#include "worker/data/prepare/number_label.h"
#include "worker/data/prepare/part_writers.h"
#include "worker/data/prepare/prepare_data.h"
#include "worker/data/prepare/shared_groups.h"
#include "worker/data/prepare/split_check.h"
#include "worker/data/text/libsvm.h"

namespace rubato {
namespace {

struct InputFile {
  std::string path;
  TestFile role = TestFile::kNone;     // kGiven: all its rows test
  std::vector<uint16_t> labels = {};   // [rows] index into the label values
  std::vector<uint32_t> entries = {};  // [rows] features of each
  std::vector<float> numbers = {};     // [rows] labels that are no classes
  std::vector<uint32_t> groups = {};   // [rows] SplitHash of their qid, with split.group
  std::vector<SplitPart> parts = {};   // [rows] of a file whose rows are split
  IndexRange indices = {};
};

class LibsvmPreparation {
 public:
  LibsvmPreparation(const DataSource& source, std::string folder, const StopCheck& stop)
      : config_(source.config),
        target_(source.target),
        domain_(DescriptionOf(target_).label),
        folder_(std::move(folder)),
        stop_(stop) {
    files_.push_back({config_.data.path, TestFile::kNone});
    if (HasTestFile()) files_.push_back({config_.data.test_path, TestFile::kGiven});
  }

  absl::StatusOr<DataReport> Run() {
    RETURN_IF_ERROR(Scan());
    RETURN_IF_ERROR(Split());
    RETURN_IF_ERROR(Write());
    return std::move(report_);
  }

 private:
  absl::Status Scan();
  absl::Status ScanFile(InputFile* file);
  absl::Status Split();
  void CountParts(const InputFile& file);
  absl::Status Write();
  absl::Status WriteFile(const InputFile& file, PartWriters* writers);
  void WarnOfTestFile();
  // visit(reader, row) for all rows of a file.
  template <class Visit>
  absl::Status ForEachRow(const std::string& path, Visit visit);
  // kDropped: the row's label is ignored.
  SplitPart PartOf(const InputFile& file, uint64_t row) const;
  LabelClass ClassOf(const InputFile& file, uint64_t row) const {
    if (domain_.is_number()) return LabelClass::kNegative;
    const LabelClass label_class = report_.labels[file.labels[row]].label_class;
    return label_class == LabelClass::kOneOfSeveral ? LabelClass::kNegative : label_class;
  }
  float LabelOf(const InputFile& file, uint64_t row) const {
    if (domain_.is_number()) return file.numbers[row];
    if (domain_.two_classes()) return ClassOf(file, row) == LabelClass::kPositive ? 1.0F : 0.0F;
    return class_numbers_[file.labels[row]];
  }
  absl::Status LookAtTwoClasses(const std::string& where);
  absl::Status LookAtClasses(const std::string& where);
  bool HasTestFile() const { return !config_.data.test_path.empty(); }

  const RunConfig& config_;
  const Target& target_;
  const LabelDomain& domain_;
  const std::string folder_;
  const StopCheck& stop_;

  std::vector<InputFile> files_;
  LabelCounter labels_;
  std::vector<float> class_numbers_;  // [labels_.values().size()] of several classes
  PartSizes sizes_ = {DatasetSize{}, DatasetSize{}, DatasetSize{}};
  DataReport report_;  // its labels are those of labels_
  Encoding encoding_;
  TrainingPrior prior_;
  SharedGroups shared_groups_;
  IndexSet trained_;             // of the training rows
  ColumnNovelty test_features_;  // of a test file
};

template <class Visit>
absl::Status LibsvmPreparation::ForEachRow(const std::string& path, Visit visit) {
  ASSIGN_OR_RETURN(const std::unique_ptr<LibsvmReader> reader, LibsvmReader::Open(path));
  LibsvmRow row;
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, reader->Next(&row));
    if (!found) return absl::OkStatus();
    if (reader->row() % kRowsBetweenStopChecks == 0 && stop_()) {
      return absl::CancelledError("stopped while preparing the data");
    }
    RETURN_IF_ERROR(visit(*reader, row));
  }
}

SplitPart LibsvmPreparation::PartOf(const InputFile& file, uint64_t row) const {
  if (ClassOf(file, row) == LabelClass::kIgnored) return SplitPart::kDropped;
  if (file.role == TestFile::kGiven) return SplitPart::kTest;
  return file.parts[row];
}

absl::Status LibsvmPreparation::Scan() {
  std::string where;
  for (InputFile& file : files_) {
    RETURN_IF_ERROR(ScanFile(&file));
    absl::StrAppend(&where, where.empty() ? "" : " and ", file.path);
  }
  encoding_.indices = files_.front().indices;
  RETURN_IF_ERROR(
      Annotate(CheckSameFirstIndex(encoding_.indices, files_.back().indices), files_.back().path));
  if (domain_.two_classes()) RETURN_IF_ERROR(LookAtTwoClasses(where));
  if (domain_.kind == LabelKind::kClasses) RETURN_IF_ERROR(LookAtClasses(where));
  encoding_.format = "libsvm";
  encoding_.clip_sigma = config_.cleanse.clip_sigma;
  return absl::OkStatus();
}

absl::Status LibsvmPreparation::LookAtClasses(const std::string& where) {
  ASSIGN_OR_RETURN(report_.classes, NameClasses(labels_.values(), config_.data, where));
  encoding_.classes = report_.classes;
  for (const LabelValue& value : labels_.values()) {
    const std::optional<size_t> number = FindClass(encoding_.classes, value.text);
    class_numbers_.push_back(static_cast<float>(number.value_or(0)));
    report_.labels.push_back({value, number ? LabelClass::kOneOfSeveral : LabelClass::kIgnored});
  }
  return absl::OkStatus();
}

absl::Status LibsvmPreparation::LookAtTwoClasses(const std::string& where) {
  ASSIGN_OR_RETURN(const LabelRule rule, MakeLabelRule(labels_.values(), config_.data, where));
  RETURN_IF_ERROR(CheckLabelsSeen(rule, labels_.values(), where));
  for (const LabelValue& value : labels_.values()) {
    report_.labels.push_back({value, *rule.ClassOf(value.text)});
  }
  const std::string unnamed = DescribeUnnamedPositive(rule, labels_.values(), config_.data);
  if (!unnamed.empty()) report_.warnings.push_back({"", "positive", unnamed});
  encoding_.positive = rule.positive;
  return absl::OkStatus();
}

absl::Status LibsvmPreparation::ScanFile(InputFile* file) {
  const bool grouped = !config_.split.group.empty() && file->role == TestFile::kNone;
  ASSIGN_OR_RETURN(const auto digest, InputDigest::Begin(file->path));
  RETURN_IF_ERROR(ForEachRow(file->path, [&](const LibsvmReader& reader, const LibsvmRow& row) {
    if (grouped && !row.group) {
      return absl::DataLossError(absl::StrFormat(
          "%s:%d: the row has no qid, and split.group = \"qid\" gathers rows by it; leave that out",
          file->path, reader.line()));
    }
    if (grouped) file->groups.push_back(SplitHash(absl::StrCat(*row.group)));
    const bool compared = !config_.split.group.empty() && HasTestFile() && row.group;
    if (compared) shared_groups_.Add(absl::StrCat(*row.group), file->role);
    file->labels.push_back(static_cast<uint16_t>(labels_.Count(row.label)));
    file->entries.push_back(static_cast<uint32_t>(row.keys.size()));
    if (domain_.is_number()) {
      const absl::StatusOr<float> number = TakeNumberLabel(row.label, domain_);
      if (!number.ok()) {
        return Annotate(number.status(), absl::StrCat(file->path, ":", reader.line()));
      }
      file->numbers.push_back(*number);
    }
    file->indices.Widen(row.keys);
    if (!row.keys.empty()) {
      encoding_.sparse_keys = std::max(encoding_.sparse_keys, row.keys.back() + 1);
    }
    return absl::OkStatus();
  }));
  ASSIGN_OR_RETURN(report_.inputs.emplace_back(), digest->Finish());
  if (!file->labels.empty()) return absl::OkStatus();
  return absl::DataLossError(absl::StrFormat("%s: has no rows", file->path));
}

absl::Status LibsvmPreparation::Split() {
  InputFile& main = files_.front();
  SplitRows rows = {.classes = {},
                    .times = {},
                    .groups = std::move(main.groups),
                    .two_classes = domain_.two_classes()};
  for (uint64_t row = 0; row < main.labels.size(); ++row) {
    rows.classes.push_back(ClassOf(main, row));
  }
  const TestFile test_file = HasTestFile() ? TestFile::kGiven : TestFile::kNone;
  ASSIGN_OR_RETURN(RowParts made,
                   MakeCheckedSplit(rows, config_.split, test_file, main.path, &report_.warnings));
  main.parts = std::move(made.parts);
  report_.split = ReportSplit(config_.split, made);
  report_.parts[0].keeps_each = DescriptionOf(target_).fits_each;
  for (const InputFile& file : files_) CountParts(file);
  RETURN_IF_ERROR(CheckTrainingLabels(report_.parts[0], DescriptionOf(target_), main.path));
  RETURN_IF_ERROR(CheckClassesTrained(encoding_.classes, report_.parts[0], main.path));
  prior_ = FitPrior(target_, report_.parts[0], config_.cleanse);
  encoding_.prior = report_.prior = prior_.prior;
  report_.one_sided_gradient = prior_.one_sided_gradient;
  report_.shape = encoding_.Shape();
  return HasTestFile() ? CheckTestFile(report_.parts[2], domain_, files_.back().path)
                       : absl::OkStatus();
}

void LibsvmPreparation::CountParts(const InputFile& file) {
  report_.rows_read += file.labels.size();
  for (uint64_t row = 0; row < file.labels.size(); ++row) {
    const SplitPart part = PartOf(file, row);
    if (part == SplitPart::kDropped) {
      ++report_.dropped_ignored_label;
      continue;
    }
    report_.parts[static_cast<size_t>(part)].Add({.label = LabelOf(file, row)});
    DatasetSize& size = *sizes_[static_cast<size_t>(part)];
    ++size.rows;
    size.entries += file.entries[row];
  }
}

absl::Status LibsvmPreparation::Write() {
  ASSIGN_OR_RETURN(const auto writers, PartWriters::Create(folder_, report_.shape, sizes_));
  for (const InputFile& file : files_) {
    RETURN_IF_ERROR(WriteFile(file, writers.get()));
    if (file.role == TestFile::kNone) encoding_.trained_indices = trained_.Ranges();
  }
  WarnOfTestFile();
  RETURN_IF_ERROR(writers->Finish());
  return WriteChecksummedText(absl::StrCat(folder_, "/encoding.json"), FormatEncoding(encoding_));
}

void LibsvmPreparation::WarnOfTestFile() {
  shared_groups_.Warn(config_, &report_.warnings);
  for (const std::string& sentence : DescribeNovelty(test_features_)) {
    report_.warnings.push_back({"", "novelty", absl::StrCat(files_.back().path, ": ", sentence)});
  }
}

absl::Status LibsvmPreparation::WriteFile(const InputFile& file, PartWriters* writers) {
  uint64_t rows = 0;
  const absl::Status changed = absl::DataLossError(absl::StrFormat(
      "%s: changed while it was being read; prepare again when it is whole", file.path));
  RETURN_IF_ERROR(ForEachRow(file.path, [&](const LibsvmReader& reader, const LibsvmRow& row) {
    if (++rows > file.labels.size()) return changed;
    const SplitPart part = PartOf(file, reader.row());
    if (part == SplitPart::kDropped) return absl::OkStatus();
    if (row.keys.size() != file.entries[reader.row()]) return changed;
    if (part == SplitPart::kTrain) trained_.Add(row.keys);
    if (file.role == TestFile::kGiven) {
      CountIndices(encoding_.trained_indices, row.keys, reader.line(), &test_features_);
    }
    RowView told = prior_.Told(part, {.label = LabelOf(file, reader.row())});
    told.keys = row.keys;
    told.values = row.values;
    return writers->Add(part, told);
  }));
  return rows == file.labels.size() ? absl::OkStatus() : changed;
}

}  // namespace

absl::StatusOr<DataReport> PrepareLibsvm(const DataSource& source, const std::string& folder,
                                         const StopCheck& stop) {
  return LibsvmPreparation(source, folder, stop).Run();
}

}  // namespace rubato
