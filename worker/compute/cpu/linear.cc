#include "worker/compute/cpu/linear.h"

#include <algorithm>

#include "worker/compute/cpu/blas.h"
#include "worker/compute/cpu/row_product.h"

namespace rubato {

void AddProducts(ConstMatrix x, ConstMatrix w, Purpose purpose, Matrix y) {
  if (purpose == Purpose::kScore) return AddRowProducts(x, w, y);
  Multiply({.matrix = x}, {.matrix = w}, 1.0F, y);
}

void LinearForward(ConstMatrix x, const LinearWeights& weights, Purpose purpose, Matrix y) {
  for (size_t r = 0; r < y.rows; ++r) std::copy_n(weights.bias, y.cols, y.data + r * y.cols);
  AddProducts(x, weights.weight, purpose, y);
}

void AddToRows(const float* row, Matrix y) {
  for (size_t r = 0; r < y.rows; ++r) {
    for (size_t c = 0; c < y.cols; ++c) y.data[r * y.cols + c] += row[c];
  }
}

void SumColumns(ConstMatrix x, float* sums) {
  std::fill_n(sums, x.cols, 0.0F);
  for (size_t r = 0; r < x.rows; ++r) {
    for (size_t c = 0; c < x.cols; ++c) sums[c] += x.data[r * x.cols + c];
  }
}

void LinearBackwardWeights(ConstMatrix x, ConstMatrix dy, const LinearGradients& gradients) {
  Multiply({.matrix = x, .transpose = Transpose::kYes}, {.matrix = dy}, 0.0F, gradients.weight);
  SumColumns(dy, gradients.bias);
}

void LinearBackwardInput(ConstMatrix dy, ConstMatrix weight, float beta, Matrix dx) {
  Multiply({.matrix = dy}, {.matrix = weight, .transpose = Transpose::kYes}, beta, dx);
}

}  // namespace rubato
