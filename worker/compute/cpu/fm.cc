#include "worker/compute/cpu/fm.h"

#include <algorithm>

namespace rubato {

void FmForward(const FmInput& in, Matrix sums, std::span<float> margin) {
  const size_t dim = sums.cols;
  for (size_t r = 0; r < in.x.rows; ++r) {
    const float* x = in.x.data + r * in.x.cols;
    float* s = sums.data + r * dim;
    std::fill_n(s, dim, 0.0F);
    float squares = 0.0F;
    for (size_t c = 0; c < in.categories; ++c) {
      const float* v = x + in.first_column + c * dim;
      for (size_t j = 0; j < dim; ++j) {
        s[j] += v[j];
        squares += v[j] * v[j];
      }
    }
    if (!in.bag.row_begin.empty()) {
      for (size_t j = 0; j < dim; ++j) s[j] += x[in.bag_column + j];
      for (size_t i = in.bag.row_begin[r]; i < in.bag.row_begin[r + 1]; ++i) {
        const float* v = in.weights.data + in.bag.positions[i] * dim;
        for (size_t j = 0; j < dim; ++j) {
          squares += in.bag.values[i] * v[j] * in.bag.values[i] * v[j];
        }
      }
    }
    float square_of_sums = 0.0F;
    for (size_t j = 0; j < dim; ++j) square_of_sums += s[j] * s[j];
    margin[r] += 0.5F * (square_of_sums - squares);
  }
}

void FmBackward(const FmInput& in, ConstMatrix sums, std::span<const float> d_margin, Matrix dx,
                Matrix d_weights) {
  const size_t dim = sums.cols;
  for (size_t r = 0; r < in.x.rows; ++r) {
    const float d = d_margin[r];
    const float* x = in.x.data + r * in.x.cols;
    const float* s = sums.data + r * dim;
    float* out = dx.data + r * dx.cols;
    for (size_t c = 0; c < in.categories; ++c) {
      const size_t at = in.first_column + c * dim;
      for (size_t j = 0; j < dim; ++j) out[at + j] += d * (s[j] - x[at + j]);
    }
    if (in.bag.row_begin.empty()) continue;
    for (size_t j = 0; j < dim; ++j) out[in.bag_column + j] += d * s[j];
    for (size_t i = in.bag.row_begin[r]; i < in.bag.row_begin[r + 1]; ++i) {
      const size_t row = in.bag.positions[i] * dim;
      const float factor = d * in.bag.values[i] * in.bag.values[i];
      for (size_t j = 0; j < dim; ++j) {
        d_weights.data[row + j] -= factor * in.weights.data[row + j];
      }
    }
  }
}

}  // namespace rubato
