#include "worker/data/prepare/part_writers.h"

#include <cmath>
#include <utility>
#include <variant>

#include "common/base/status.h"
#include "worker/data/text/show_text.h"

namespace rubato {

std::string PartPath(const std::string& folder, SplitPart part) {
  return absl::StrCat(folder, "/", SplitPartName(part), ".rbd");
}

absl::StatusOr<std::unique_ptr<PartWriters>> PartWriters::Create(const std::string& folder,
                                                                 const DatasetShape& shape,
                                                                 const PartSizes& sizes) {
  std::unique_ptr<PartWriters> writers(new PartWriters());
  for (size_t i = 0; i < kSplitParts; ++i) {
    const std::string path = PartPath(folder, static_cast<SplitPart>(i));
    ASSIGN_OR_RETURN(writers->writers_[i], sizes[i] ? DatasetWriter::Create(path, shape, *sizes[i])
                                                    : DatasetWriter::Create(path, shape));
  }
  return writers;
}

absl::Status PartWriters::Add(SplitPart part, const RowView& row) {
  return writers_[static_cast<size_t>(part)]->AddRow(row);
}

absl::Status PartWriters::Finish() {
  for (const auto& writer : writers_) RETURN_IF_ERROR(writer->Finish());
  return absl::OkStatus();
}

absl::Status CheckTestFile(const LabelSums& rows, const LabelDomain& label,
                           const std::string& path) {
  const auto all = static_cast<double>(rows.rows);
  const bool both = rows.labels > 0.0 && rows.labels < all;
  if (label.two_classes() ? both : rows.rows > 0) return absl::OkStatus();
  const std::string lack = label.two_classes()
                               ? absl::StrFormat(
                                     ", %.0f of them positive, and needs rows of both "
                                     "classes",
                                     rows.labels)
                               : "";
  return absl::FailedPreconditionError(
      absl::StrFormat("%s: has %s to test on%s; add some, or leave data.test_path out", path,
                      ShowRows(rows.rows), lack));
}

absl::Status CheckTrainingLabels(const LabelSums& train, const TargetDescription& target,
                                 const std::string& path) {
  if (!(train.weight > 0.0)) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s: the %s to train on all have the weight 0 (target.weight), so nothing can be learned "
        "from them; check that column",
        path, ShowRows(train.rows)));
  }
  if (!target.label.is_number()) return absl::OkStatus();
  const bool some_mean = target.label.least < 0.0 || train.mean() > 0.0;
  if (train.least < train.most && some_mean) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrFormat(
      "%s: the %s to train on all have the label %g%s, so there is nothing to learn; check "
      "data.label",
      path, ShowRows(train.rows), train.least,
      train.least < train.most ? " where their weight is not 0 (target.weight)" : ""));
}

TrainingPrior FitPrior(const Target& target, const LabelSums& train, const CleanseConfig& config) {
  TrainingPrior fitted;
  fitted.mean_weight = train.weight / static_cast<double>(train.rows);
  if (config.class_weights) fitted.weights = {0.5 / (1.0 - train.mean()), 0.5 / train.mean()};
  const Constant constant =
      std::visit([&](const auto& of) { return of.FitConstant(train, fitted.weights); }, target);
  fitted.one_sided_gradient = constant.one_sided_gradient;
  fitted.prior = {
      .predictions = constant.predictions, .base_margin = constant.margin, .scale = constant.scale};
  if (config.correct_prior) {
    fitted.prior.shift = std::log(fitted.weights[0] / fitted.weights[1]);
  }
  return fitted;
}

}  // namespace rubato
