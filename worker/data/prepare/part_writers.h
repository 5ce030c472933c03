// The three dataset files of a run, counted while they are written: FOLDER/train.rbd,
// validation.rbd, test.rbd. Errors end the preparation; what was written is the caller's to remove.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "worker/data/dataset/dataset_writer.h"
#include "worker/data/prepare/data_report.h"
#include "worker/data/prepare/split.h"
#include "worker/run_file/run_config.h"
#include "worker/spec/prior.h"
#include "worker/spec/target.h"

namespace rubato {

class PartWriters {
 public:
  static absl::StatusOr<std::unique_ptr<PartWriters>> Create(const std::string& folder,
                                                             const DatasetShape& shape);
  PartWriters(const PartWriters&) = delete;
  PartWriters& operator=(const PartWriters&) = delete;

  // Requires a part that has rows. Only training rows keep their weight: figures of the other parts
  // are about the world as it is.
  absl::Status Add(SplitPart part, RowView row);
  absl::Status Finish();

 private:
  PartWriters() = default;
  std::array<std::unique_ptr<DatasetWriter>, kSplitParts> writers_;
};

std::string PartPath(const std::string& folder, SplitPart part);

// FailedPrecondition when a test file, whose rows these are, has none, or lacks a class.
absl::Status CheckTestFile(const LabelSums& rows, const LabelDomain& label,
                           const std::string& path);

struct TrainingPrior {
  Prior prior;
  ClassWeights weights = {1.0, 1.0};  // asked for, they make both classes sum to half of all
  double one_sided_gradient = 0.0;    // Constant's
  float WeightOf(float label) const { return static_cast<float>(weights[label == 1.0F ? 1 : 0]); }
};
// Of the training rows.
TrainingPrior FitPrior(const Target& target, const LabelSums& train, const CleanseConfig& config);

}  // namespace rubato
