// Linear layer: y = x w + b, for a batch of rows.
//   x [rows, in], w [in, out], b [out], y [rows, out], all row-major and contiguous.
// Pure functions over memory that others own; a CUDA twin takes the same shapes and a stream.
#pragma once

#include "worker/compute/blas.h"

namespace rubato {

// Weights of one layer, or their gradients.
struct LinearWeights {
  ConstMatrix weight;           // [in, out]
  const float* bias = nullptr;  // [out]
};
struct LinearGradients {
  Matrix weight;          // [in, out]
  float* bias = nullptr;  // [out]
};

void LinearForward(ConstMatrix x, const LinearWeights& weights, Matrix y);

// dw = x^T dy, db = column sums of dy; both overwritten.
void LinearBackwardWeights(ConstMatrix x, ConstMatrix dy, const LinearGradients& gradients);

// dx = dy w^T, overwritten.
void LinearBackwardInput(ConstMatrix dy, ConstMatrix weight, Matrix dx);

}  // namespace rubato
