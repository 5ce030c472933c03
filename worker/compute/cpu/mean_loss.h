// What the losses of this folder share: the mean over the rows of a batch of weight * loss.
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

}  // namespace rubato
