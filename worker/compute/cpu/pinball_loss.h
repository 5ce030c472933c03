// Pinball loss of a batch: mean over rows of weight * max(tau u, (tau - 1) u), u = label - margin;
// its minimum puts the margin at the tau quantile of the label, tau = 0.5 at half the absolute
// error. Formulas: row_loss.h.
#pragma once

#include <span>

namespace rubato {

// Returns the mean loss; d_margin[rows] = weight / rows times -tau where the label is above the
// margin, 1 - tau where it is below, 0 where they are equal. tau in (0, 1); all spans are [rows],
// rows > 0.
double PinballLossGradient(float tau, std::span<const float> margin, std::span<const float> label,
                           std::span<const float> weight, std::span<float> d_margin);

}  // namespace rubato
