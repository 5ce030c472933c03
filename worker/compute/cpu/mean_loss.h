// Losses of a batch: the mean over its rows of weight * loss, and the slopes by the margins.
#pragma once

#include <cstddef>
#include <span>

#include "common/base/status.h"
#include "worker/spec/row_loss.h"

namespace rubato {

// row_loss(row, scale) returns the loss of a row of weight 1 and writes its slopes, each through
// scale(slope). There is at least one row. Rows are summed in order, in double precision.
template <class RowLoss>
double MeanLoss(std::span<const float> weight, const RowLoss& row_loss) {
  CHECK(!weight.empty());
  const float mean = 1.0F / static_cast<float>(weight.size());
  double loss = 0.0;
  for (size_t i = 0; i < weight.size(); ++i) {
    const RowScale scale{.weight = weight[i], .mean = mean};
    loss += static_cast<double>(weight[i] * row_loss(i, scale));
  }
  return loss / static_cast<double>(weight.size());
}

// One margin a row. All spans are [rows].
struct MarginRows {
  std::span<const float> margin;
  std::span<const float> label;
  std::span<const float> weight;
};

// The mean of a loss of worker/spec/row_loss.h; d_margin[rows] = weight * slope / rows. rows > 0.
template <class RowLoss>
double MeanLossGradient(const RowLoss& row_loss, const MarginRows& rows,
                        std::span<float> d_margin) {
  const size_t count = rows.margin.size();
  CHECK(rows.label.size() == count && rows.weight.size() == count && d_margin.size() == count);
  return MeanLoss(rows.weight, [&](size_t i, RowScale scale) {
    const LossSlope row = row_loss(rows.margin[i], rows.label[i]);
    d_margin[i] = scale(row.slope);
    return row.loss;
  });
}

}  // namespace rubato
