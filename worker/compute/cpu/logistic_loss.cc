#include "worker/compute/cpu/logistic_loss.h"

#include "common/base/status.h"
#include "worker/compute/cpu/mean_loss.h"

namespace rubato {

double LogisticLossGradient(std::span<const float> margin, std::span<const float> label,
                            std::span<const float> weight, std::span<float> d_margin) {
  const size_t rows = margin.size();
  CHECK(label.size() == rows && weight.size() == rows && d_margin.size() == rows);
  return MeanLoss(weight, [&](size_t i, RowScale scale) {
    const LossSlope row = LogisticOf(margin[i], label[i]);
    d_margin[i] = scale(row.slope);
    return row.loss;
  });
}

void Sigmoid(std::span<const float> margin, std::span<float> probability) {
  CHECK(margin.size() == probability.size());
  for (size_t i = 0; i < margin.size(); ++i) probability[i] = ProbabilityOf(margin[i]);
}

}  // namespace rubato
