#include "worker/model/layers/logistic_loss.h"

#include <algorithm>
#include <cmath>

#include "common/status.h"

namespace rubato {

double LogisticLossGradient(std::span<const float> margin, std::span<const float> label,
                            std::span<const float> weight, std::span<float> d_margin) {
  const size_t rows = margin.size();
  CHECK(rows > 0 && label.size() == rows && weight.size() == rows && d_margin.size() == rows);
  const float mean = 1.0F / static_cast<float>(rows);
  double loss = 0.0;
  for (size_t i = 0; i < rows; ++i) {
    const float z = margin[i];
    const float e = std::exp(-std::fabs(z));  // in (0, 1]
    const float probability = (z >= 0.0F ? 1.0F : e) / (1.0F + e);
    loss += static_cast<double>(weight[i] * (std::max(z, 0.0F) - z * label[i] + std::log1p(e)));
    d_margin[i] = weight[i] * (probability - label[i]) * mean;
  }
  return loss / static_cast<double>(rows);
}

void Sigmoid(std::span<const float> margin, std::span<float> probability) {
  CHECK(margin.size() == probability.size());
  for (size_t i = 0; i < margin.size(); ++i) {
    const float e = std::exp(-std::fabs(margin[i]));
    probability[i] = (margin[i] >= 0.0F ? 1.0F : e) / (1.0F + e);
  }
}

}  // namespace rubato
