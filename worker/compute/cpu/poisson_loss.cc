#include "worker/compute/cpu/poisson_loss.h"

#include "common/base/status.h"
#include "worker/compute/cpu/mean_loss.h"

namespace rubato {

double PoissonLossGradient(std::span<const float> margin, const PoissonRows& rows,
                           std::span<float> d_margin) {
  CHECK(rows.label.size() == margin.size() && rows.offset.size() == margin.size());
  CHECK(rows.weight.size() == margin.size() && d_margin.size() == margin.size());
  return MeanLoss(rows.weight, [&](size_t i, RowScale scale) {
    const LossSlope row = PoissonOf(margin[i] + rows.offset[i], rows.label[i]);
    d_margin[i] = scale(row.slope);
    return row.loss;
  });
}

}  // namespace rubato
