#include "worker/data/prepare/part_writers.h"

#include <utility>

#include "common/base/status.h"
#include "worker/data/text/show_text.h"

namespace rubato {

std::string PartPath(const std::string& folder, SplitPart part) {
  return absl::StrCat(folder, "/", SplitPartName(part), ".rbd");
}

absl::StatusOr<std::unique_ptr<PartWriters>> PartWriters::Create(const std::string& folder,
                                                                 const DatasetShape& shape) {
  std::unique_ptr<PartWriters> writers(new PartWriters());
  for (size_t i = 0; i < kSplitParts; ++i) {
    const std::string path = PartPath(folder, static_cast<SplitPart>(i));
    ASSIGN_OR_RETURN(writers->writers_[i], DatasetWriter::Create(path, shape));
  }
  return writers;
}

absl::Status PartWriters::Add(SplitPart part, RowView row) {
  if (part != SplitPart::kTrain) row.weight = 1.0F;
  return writers_[static_cast<size_t>(part)]->AddRow(row);
}

absl::Status PartWriters::Finish() {
  for (const auto& writer : writers_) RETURN_IF_ERROR(writer->Finish());
  return absl::OkStatus();
}

absl::Status CheckTestFile(const PartCounts& counts, const std::string& path) {
  if (counts.positives > 0 && counts.positives < counts.rows) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrFormat(
      "%s: has %s to test on, %d of them positive, and needs rows of both classes; add some, "
      "or leave data.test_path out",
      path, ShowRows(counts.rows), counts.positives));
}

Prior PriorOf(const PartCounts& train, const CleanseConfig& config) {
  Prior prior;
  prior.positive_rate = static_cast<double>(train.positives) / static_cast<double>(train.rows);
  if (!config.class_weights) return prior;
  prior.weights = {0.5 / (1.0 - prior.positive_rate), 0.5 / prior.positive_rate};
  prior.corrected = config.correct_prior;
  return prior;
}

}  // namespace rubato
