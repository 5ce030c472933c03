#include "worker/train/divergence.h"

#include <cmath>
#include <utility>
#include <variant>

#include "common/base/status.h"

namespace rubato {

double ConstantLoss(const Target& target, double margin, const Dataset& train) {
  if (train.rows() == 0) return 0.0;
  const auto base = static_cast<float>(margin);
  const auto mean_loss = [&](const auto& of) {
    double loss = 0.0;
    for (uint64_t row = 0; row < train.rows(); ++row) {
      const float offset = train.offsets().empty() ? 0.0F : train.offsets()[row];
      loss += static_cast<double>(train.weights()[row] *
                                  of.loss(base + offset, train.labels()[row]).loss);
    }
    return loss / static_cast<double>(train.rows());
  };
  return std::visit(mean_loss, target);
}

absl::Status DivergenceCheck::Take(double mean_loss, uint64_t rows, Clock clock) {
  if (!std::isfinite(mean_loss)) return Diverged(mean_loss, clock);
  loss_sum_ += mean_loss * static_cast<double>(rows);
  rows_ += rows;
  return absl::OkStatus();
}

absl::Status DivergenceCheck::EndPass(Clock clock) {
  const double loss = rows_ == 0 ? 0.0 : loss_sum_ / static_cast<double>(rows_);
  loss_sum_ = 0.0;
  rows_ = 0;
  if (!std::exchange(whole_, true)) return absl::OkStatus();
  // A loss may be below zero, the constant's too.
  const double bound = constant_loss_ + (kDivergedLoss - 1.0) * std::abs(constant_loss_);
  return loss > bound ? Diverged(loss, clock) : absl::OkStatus();
}

absl::Status DivergenceCheck::Diverged(double loss, Clock clock) const {
  return absl::FailedPreconditionError(absl::StrFormat(
      "training diverged at clock %d: the mean loss is %s, and predicting the same for every row "
      "has %.4g; lower optimizer.learning_rate, which is %g",
      clock.value(), std::isfinite(loss) ? absl::StrFormat("%.4g", loss) : "not a number",
      constant_loss_, learning_rate_));
}

}  // namespace rubato
