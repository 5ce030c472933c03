#include "worker/compute/cpu/softmax_loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/base/status.h"
#include "worker/compute/cpu/mean_loss.h"

namespace rubato {
namespace {

// Margin of the labelled class; NaN if there is none.
float MarginOfLabel(std::span<const float> margin, float label) {
  if (IsClass(label, static_cast<uint32_t>(margin.size()))) {
    return margin[static_cast<size_t>(label)];
  }
  return std::numeric_limits<float>::quiet_NaN();
}

float RowLoss(std::span<const float> margin, float label, RowScale scale, float* d_margin) {
  const float largest = *std::ranges::max_element(margin);
  float sum = 0.0F;
  for (const float z : margin) sum += std::exp(z - largest);
  const float loss = largest - MarginOfLabel(margin, label) + std::log(sum);
  // 0, or not a number if the loss is not one.
  const float check = loss - loss;
  for (size_t c = 0; c < margin.size(); ++c) {
    const float hit = static_cast<float>(c) == label ? 1.0F : 0.0F;
    d_margin[c] = scale(std::exp(margin[c] - largest) / sum - hit + check);
  }
  return loss;
}

}  // namespace

double SoftmaxLossGradient(ConstMatrix margin, std::span<const float> label,
                           std::span<const float> weight, Matrix d_margin) {
  CHECK(margin.cols > 0 && label.size() == margin.rows && weight.size() == margin.rows);
  CHECK(d_margin.rows == margin.rows && d_margin.cols == margin.cols);
  return MeanLoss(weight, [&](size_t i, RowScale scale) {
    const size_t at = i * margin.cols;
    return RowLoss({margin.data + at, margin.cols}, label[i], scale, d_margin.data + at);
  });
}

}  // namespace rubato
