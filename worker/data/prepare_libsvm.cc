#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "common/status.h"
#include "worker/data/data_json.h"
#include "worker/data/encoding.h"
#include "worker/data/label.h"
#include "worker/data/libsvm.h"
#include "worker/data/part_writers.h"
#include "worker/data/prepare_data.h"
#include "worker/data/staged_file.h"

namespace rubato {
namespace {

struct InputFile {
  std::string path;
  TestFile role = TestFile::kNone;   // kGiven: all its rows test
  std::vector<uint8_t> labels = {};  // [rows] index into the label values
};

class LibsvmPreparation {
 public:
  LibsvmPreparation(const DataSource& source, std::string folder, const StopCheck& stop)
      : config_(source.config), folder_(std::move(folder)), stop_(stop) {
    files_.push_back({config_.data.path, TestFile::kNone});
    if (HasTestFile()) files_.push_back({config_.data.test_path, TestFile::kGiven});
  }

  absl::StatusOr<DataReport> Run() {
    RETURN_IF_ERROR(Scan());
    RETURN_IF_ERROR(CountParts());
    RETURN_IF_ERROR(Write());
    return std::move(report_);
  }

 private:
  absl::Status Scan();
  absl::Status ScanFile(InputFile* file);
  absl::Status CountParts();
  absl::Status Write();
  absl::Status WriteFile(const InputFile& file, PartWriters* writers);
  // visit(reader, row) for all rows of a file.
  template <class Visit>
  absl::Status ForEachRow(const std::string& path, Visit visit);
  SplitPart PartOf(const InputFile& file, uint64_t row) const;
  bool IsPositive(const InputFile& file, uint64_t row) const {
    return file.labels[row] == positive_value_;
  }
  bool HasTestFile() const { return !config_.data.test_path.empty(); }

  const RunConfig& config_;
  const std::string folder_;
  const StopCheck& stop_;

  std::vector<InputFile> files_;
  std::vector<LabelValue> label_values_;
  uint8_t positive_value_ = 0;  // index into label_values_
  DataReport report_;
  Encoding encoding_;
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
  if (file.role == TestFile::kGiven) return SplitPart::kTest;
  return HashSplit(row, config_.split, HasTestFile() ? TestFile::kGiven : TestFile::kNone);
}

absl::Status LibsvmPreparation::Scan() {
  std::string where;
  for (InputFile& file : files_) {
    RETURN_IF_ERROR(ScanFile(&file));
    absl::StrAppend(&where, where.empty() ? "" : " and ", file.path);
  }
  const std::string& positive = config_.data.positive;
  RETURN_IF_ERROR(MakeLabelRule(label_values_, positive, where).status());
  positive_value_ = SameLabel(label_values_[0].text, positive) ? 0 : 1;
  encoding_.format = "libsvm";
  encoding_.positive = positive;
  encoding_.clip_sigma = config_.cleanse.clip_sigma;
  report_.shape = encoding_.Shape();
  return absl::OkStatus();
}

absl::Status LibsvmPreparation::ScanFile(InputFile* file) {
  ASSIGN_OR_RETURN(report_.inputs.emplace_back(), DigestFile(file->path));
  RETURN_IF_ERROR(ForEachRow(file->path, [&](const LibsvmReader&, const LibsvmRow& row) {
    const size_t value = CountLabel(absl::StrCat(row.label), &label_values_);
    file->labels.push_back(static_cast<uint8_t>(value));
    if (!row.keys.empty()) {
      encoding_.sparse_keys = std::max(encoding_.sparse_keys, row.keys.back() + 1);
    }
    return absl::OkStatus();
  }));
  if (!file->labels.empty()) return absl::OkStatus();
  return absl::DataLossError(absl::StrFormat("%s: has no rows", file->path));
}

absl::Status LibsvmPreparation::CountParts() {
  for (const InputFile& file : files_) {
    report_.rows_read += file.labels.size();
    for (uint64_t row = 0; row < file.labels.size(); ++row) {
      report_.parts[static_cast<size_t>(PartOf(file, row))].Add(IsPositive(file, row));
    }
  }
  for (size_t i = 0; i < kSplitParts; ++i) {
    const auto part = static_cast<SplitPart>(i);
    const InputFile& file = part == SplitPart::kTest ? files_.back() : files_.front();
    RETURN_IF_ERROR(CheckClasses(report_.parts[i], part, config_.split, file.path));
  }
  return absl::OkStatus();
}

absl::Status LibsvmPreparation::Write() {
  ASSIGN_OR_RETURN(const auto writers, PartWriters::Create(folder_, report_.shape));
  for (const InputFile& file : files_) RETURN_IF_ERROR(WriteFile(file, writers.get()));
  RETURN_IF_ERROR(writers->Finish());
  return WriteSealedText(absl::StrCat(folder_, "/encoding.json"), FormatEncoding(encoding_));
}

absl::Status LibsvmPreparation::WriteFile(const InputFile& file, PartWriters* writers) {
  const auto weights = ClassWeights(report_.parts[0], config_.cleanse);
  uint64_t rows = 0;
  const absl::Status changed = absl::DataLossError(absl::StrFormat(
      "%s: changed while it was being read; prepare again when it is whole", file.path));
  RETURN_IF_ERROR(ForEachRow(file.path, [&](const LibsvmReader& reader, const LibsvmRow& row) {
    if (++rows > file.labels.size()) return changed;
    const bool positive = IsPositive(file, reader.row());
    return writers->Add(PartOf(file, reader.row()), {.keys = row.keys,
                                                     .values = row.values,
                                                     .label = positive ? 1.0F : 0.0F,
                                                     .weight = weights[positive ? 1 : 0]});
  }));
  return rows == file.labels.size() ? absl::OkStatus() : changed;
}

}  // namespace

absl::StatusOr<DataReport> PrepareLibsvm(const DataSource& source, const std::string& folder,
                                         const StopCheck& stop) {
  return LibsvmPreparation(source, folder, stop).Run();
}

}  // namespace rubato
