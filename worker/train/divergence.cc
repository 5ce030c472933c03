#include "worker/train/divergence.h"

#include <cmath>
#include <variant>
#include <vector>

#include "common/base/status.h"
#include "worker/spec/joint_loss.h"

namespace rubato {

LossRange LossRangeOf(const Target& target, double margin, const Dataset& train) {
  if (train.rows() == 0) return {.least = 0.0, .constant = 0.0};
  const auto base = static_cast<float>(margin);
  const size_t outputs = OutputsOf(target);
  std::vector<float> margin_of(outputs);
  std::vector<float> slope(outputs);
  const auto range_of = [&](const auto& of) {
    LossRange sum = {.least = 0.0, .constant = 0.0};
    for (uint64_t row = 0; row < train.rows(); ++row) {
      const float offset = train.offsets().empty() ? 0.0F : train.offsets()[row];
      const float scale = train.scales().empty() ? 1.0F : train.scales()[row];
      const float label = train.labels()[row] / scale;
      const auto weight = static_cast<double>(train.weights()[row]);
      sum.least += weight * of.loss.Least(static_cast<double>(label));
      margin_of.assign(outputs, base + offset);
      sum.constant += weight * static_cast<double>(RowLoss(of.loss, margin_of.data(), label,
                                                           {1.0F, 1.0F}, slope.data()));
    }
    const auto rows = static_cast<double>(train.rows());
    return LossRange{.least = sum.least / rows, .constant = sum.constant / rows};
  };
  return std::visit(range_of, target);
}

void DivergenceCheck::Begin(Pass pass) {
  loss_sum_ = 0.0;
  rows_ = 0;
  whole_ = pass == Pass::kWhole;
  broken_ = false;
}

absl::Status DivergenceCheck::Take(double mean_loss, uint64_t rows, Clock clock) {
  broken_ = !std::isfinite(mean_loss);
  if (broken_ && strikes_ == 0) return Diverged(mean_loss, clock);
  if (broken_) {
    if (strikes_left_ > 0) --strikes_left_;
    return absl::OkStatus();
  }
  loss_sum_ += mean_loss * static_cast<double>(rows);
  rows_ += rows;
  return absl::OkStatus();
}

absl::Status DivergenceCheck::EndPass(Clock clock) {
  const double loss = loss_sum_ / static_cast<double>(rows_);
  const bool judged = whole_ && rows_ > 0;
  Begin(Pass::kWhole);
  if (strikes_ > 0 && strikes_left_ == 0) return absl::OkStatus();
  if (!judged) return absl::OkStatus();
  const double bound = range_.least + kDivergedLoss * (range_.constant - range_.least);
  return loss > bound ? Diverged(loss, clock) : absl::OkStatus();
}

absl::Status DivergenceCheck::Diverged(double loss, Clock clock) const {
  return absl::OutOfRangeError(absl::StrFormat(
      "training diverged at clock %d: the mean loss is %s, and predicting the same for every row "
      "has %.4g; lower optimizer.learning_rate, which is %g",
      clock.value(), std::isfinite(loss) ? absl::StrFormat("%.4g", loss) : "not a number",
      range_.constant, learning_rate_));
}

}  // namespace rubato
