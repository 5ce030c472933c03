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

void LinearBackwardWeights(ConstMatrix x, ConstMatrix dy, const LinearGradients& gradients) {
  Multiply({.matrix = x, .transpose = Transpose::kYes}, {.matrix = dy}, 0.0F, gradients.weight);
  std::fill_n(gradients.bias, dy.cols, 0.0F);
  for (size_t r = 0; r < dy.rows; ++r) {
    const float* row = dy.data + r * dy.cols;
    for (size_t c = 0; c < dy.cols; ++c) gradients.bias[c] += row[c];
  }
}

void LinearBackwardInput(ConstMatrix dy, ConstMatrix weight, float beta, Matrix dx) {
  Multiply({.matrix = dy}, {.matrix = weight, .transpose = Transpose::kYes}, beta, dx);
}

}  // namespace rubato
