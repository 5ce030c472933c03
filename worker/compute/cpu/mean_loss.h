// Losses of a batch: the mean over its rows of weight * loss, and the slopes by the margins.
#pragma once

#include <cstddef>
#include <span>

#include "common/base/status.h"
#include "worker/compute/matrix.h"
#include "worker/spec/joint_loss.h"

namespace rubato {

// The rows of a batch; there is one at least.
struct MarginRows {
  ConstMatrix margin;             // [rows, outputs]
  std::span<const float> label;   // [rows]
  std::span<const float> weight;  // [rows]
};

// The mean of a target's loss; d_margin[rows, outputs] = weight * slope / rows. Rows are summed in
// order, in double precision.
template <class Loss>
double MeanLossGradient(const Loss& loss, const MarginRows& rows, Matrix d_margin) {
  const auto& [margin, label, weight] = rows;
  CHECK(margin.rows > 0 && label.size() == margin.rows && weight.size() == margin.rows);
  CHECK(d_margin.rows == margin.rows && d_margin.cols == margin.cols);
  const float mean = 1.0F / static_cast<float>(margin.rows);
  double sum = 0.0;
  for (size_t i = 0; i < margin.rows; ++i) {
    const size_t at = i * margin.cols;
    const RowScale scaled{.weight = weight[i], .mean = mean};
    sum += static_cast<double>(
        weight[i] * RowLoss(loss, margin.data + at, label[i], scaled, d_margin.data + at));
  }
  return sum / static_cast<double>(margin.rows);
}

}  // namespace rubato
