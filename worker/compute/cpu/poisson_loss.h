// Poisson loss of a batch of counts with exposures: mean over rows of
// weight * (rate - label (margin + offset)), rate = exp(margin + offset). The offset is the
// logarithm of a row's exposure, 0 for an exposure of 1; the rate stops growing at kMaxLogRate.
// Formulas: row_loss.h.
#pragma once

#include <span>

namespace rubato {

struct PoissonRows {
  std::span<const float> label;   // [rows] counts, >= 0
  std::span<const float> offset;  // [rows]
  std::span<const float> weight;  // [rows]
};

// Returns the mean loss, log(label!) left out; d_margin[rows] = weight (rate - label) / rows.
// rows > 0.
double PoissonLossGradient(std::span<const float> margin, const PoissonRows& rows,
                           std::span<float> d_margin);

}  // namespace rubato
