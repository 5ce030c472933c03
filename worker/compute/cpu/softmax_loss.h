// Softmax loss of a batch, for labels of several classes: mean over rows of
// weight * -log p(label), p(c) = exp(margin[c]) / sum over classes of exp(margin) (multinomial
// logit, McFadden 1974). With the row's largest margin m taken out, nothing overflows:
//   loss = m - margin[label] + log(sum of exp(margin - m)).
#pragma once

#include <span>

#include "worker/compute/matrix.h"

namespace rubato {

// Returns the mean loss; d_margin[rows, classes] = weight (p - [class is the label]) / rows.
// margin is [rows, classes], rows > 0, classes > 0; label[rows] is the number of a class, below
// 2^24 as all whole floats are exact there. A label that is no class gives NaN, loss and slopes.
double SoftmaxLossGradient(ConstMatrix margin, std::span<const float> label,
                           std::span<const float> weight, Matrix d_margin);

}  // namespace rubato
