// Linear layer: y = x w + b, for a batch of rows.
//   x [rows, in], w [in, out], b [out], y [rows, out], all row-major and contiguous.
// Pure functions over memory that others own; a CUDA twin takes the same shapes and a stream.
#pragma once

#include <cstdint>

#include "worker/compute/matrix.h"

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

// What a product is for: training wants it fast, a score the same to the bit in every batch
// (worker/compute/cpu/row_product.h).
enum class Purpose : uint8_t { kTraining, kScore };

void LinearForward(ConstMatrix x, const LinearWeights& weights, Purpose purpose, Matrix y);
// y += x w, what a forward pass consists of.
void AddProducts(ConstMatrix x, ConstMatrix w, Purpose purpose, Matrix y);

// y[r, c] += row[c].
void AddToRows(const float* row, Matrix y);
// sums[c] = sum of x[r, c] over the rows, in order.
void SumColumns(ConstMatrix x, float* sums);

// dw = x^T dy, db = column sums of dy; both overwritten.
void LinearBackwardWeights(ConstMatrix x, ConstMatrix dy, const LinearGradients& gradients);

// dx = dy w^T + beta dx.
void LinearBackwardInput(ConstMatrix dy, ConstMatrix weight, float beta, Matrix dx);

}  // namespace rubato
