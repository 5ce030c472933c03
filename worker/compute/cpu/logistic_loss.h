// Logistic loss of a batch: mean over rows of weight * -log p(label), p = 1 / (1 + exp(-margin)).
// Formulas: row_loss.h.
#pragma once

#include <span>

namespace rubato {

// Returns the mean loss; d_margin[rows] = weight (p - label) / rows. All spans are [rows], rows >
// 0.
double LogisticLossGradient(std::span<const float> margin, std::span<const float> label,
                            std::span<const float> weight, std::span<float> d_margin);

// probability[rows] = 1 / (1 + exp(-margin)); the two may be the same memory.
void Sigmoid(std::span<const float> margin, std::span<float> probability);

}  // namespace rubato
