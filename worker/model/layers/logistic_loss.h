// Logistic loss of a batch: mean over rows of weight * -log p(label), p = 1 / (1 + exp(-z)).
// In terms of the margin z, without overflow (as in scikit-learn and PyTorch's BCEWithLogits):
//   loss = max(z, 0) - z y + log(1 + exp(-|z|)),   d loss / d z = p - y.
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
