// The three dataset files of a run, counted while they are written: FOLDER/train.rbd,
// validation.rbd, test.rbd. Errors end the preparation; what was written is the caller's to remove.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "worker/data/dataset/dataset_writer.h"
#include "worker/data/prepare/data_report.h"
#include "worker/data/prepare/split.h"
#include "worker/run_file/run_config.h"
#include "worker/spec/prior.h"
#include "worker/spec/target.h"

namespace rubato {

// [part]; nullopt where that is not known before the last row.
using PartSizes = std::array<std::optional<DatasetSize>, kSplitParts>;

class PartWriters {
 public:
  static absl::StatusOr<std::unique_ptr<PartWriters>> Create(const std::string& folder,
                                                             const DatasetShape& shape,
                                                             const PartSizes& sizes);
  PartWriters(const PartWriters&) = delete;
  PartWriters& operator=(const PartWriters&) = delete;

  // Requires a part that has rows.
  absl::Status Add(SplitPart part, const RowView& row);
  absl::Status Finish();

 private:
  PartWriters() = default;
  std::array<std::unique_ptr<DatasetWriter>, kSplitParts> writers_;
};

std::string PartPath(const std::string& folder, SplitPart part);

// FailedPrecondition when a test file, whose rows these are, has none, or lacks a class.
absl::Status CheckTestFile(const LabelSums& rows, const LabelDomain& label,
                           const std::string& path);

// FailedPrecondition where nothing can be learned from the training rows: none counts, or all say
// the same. What a split leaves of two classes is split_check.h's.
absl::Status CheckTrainingLabels(const LabelSums& train, const TargetDescription& target,
                                 const std::string& path);

struct TrainingPrior {
  Prior prior;
  ClassWeights weights = {1.0, 1.0};  // asked for, they make both classes sum to half of all
  double mean_weight = 1.0;           // of the training rows' own
  double one_sided_gradient = 0.0;    // Constant's
  // As a dataset keeps it. Training rows weigh 1 on average, so that steps are of one size, times
  // what their class does; figures of the other parts are about the world as it is.
  float WeightOf(SplitPart part, const LabelRow& row) const {
    if (part != SplitPart::kTrain) return row.weight;
    const double of_class = weights[row.label == 1.0F ? 1 : 0];
    return static_cast<float>(static_cast<double>(row.weight) / mean_weight * of_class);
  }
  // The same of all that a row says beside its features.
  RowView Told(SplitPart part, const LabelRow& row) const {
    return {.label = row.label,
            .weight = WeightOf(part, row),
            .offset = row.offset,
            .scale = row.scale};
  }
};
// Of training rows that CheckTrainingLabels let pass.
TrainingPrior FitPrior(const Target& target, const LabelSums& train, const CleanseConfig& config);

}  // namespace rubato
