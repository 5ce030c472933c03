#include "worker/compute/cpu/pinball_loss.h"

#include "common/base/status.h"
#include "worker/compute/cpu/mean_loss.h"

namespace rubato {

double PinballLossGradient(float tau, std::span<const float> margin, std::span<const float> label,
                           std::span<const float> weight, std::span<float> d_margin) {
  const size_t rows = margin.size();
  CHECK(tau > 0.0F && tau < 1.0F);
  CHECK(label.size() == rows && weight.size() == rows && d_margin.size() == rows);
  return MeanLoss(weight, [&](size_t i, RowScale scale) {
    const LossSlope row = PinballOf(tau, margin[i], label[i]);
    d_margin[i] = scale(row.slope);
    return row.loss;
  });
}

}  // namespace rubato
