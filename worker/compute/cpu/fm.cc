#include "worker/compute/cpu/fm.h"

#include <algorithm>

namespace rubato {

void FmForward(const FmInput& in, Matrix sums, Matrix pairs) {
  const size_t dim = sums.cols;
  for (size_t r = 0; r < in.x.rows; ++r) {
    const float* x = in.x.data + r * in.x.cols;
    float* s = sums.data + r * dim;
    float* squares = pairs.data + r * dim;
    std::fill_n(s, dim, 0.0F);
    std::fill_n(squares, dim, 0.0F);
    for (size_t c = 0; c < in.categories; ++c) {
      const float* v = x + in.first_column + c * dim;
      for (size_t j = 0; j < dim; ++j) {
        s[j] += v[j];
        squares[j] += v[j] * v[j];
      }
    }
    if (!in.bag.row_begin.empty()) {
      for (size_t j = 0; j < dim; ++j) s[j] += x[in.bag_column + j];
      for (size_t i = in.bag.row_begin[r]; i < in.bag.row_begin[r + 1]; ++i) {
        const float* v = in.weights.data + in.bag.positions[i] * dim;
        for (size_t j = 0; j < dim; ++j) {
          squares[j] += in.bag.values[i] * v[j] * in.bag.values[i] * v[j];
        }
      }
    }
    for (size_t j = 0; j < dim; ++j) squares[j] = 0.5F * (s[j] * s[j] - squares[j]);
  }
}

void FmBackward(const FmInput& in, ConstMatrix sums, ConstMatrix d_pairs, Matrix dx,
                Matrix d_weights) {
  const size_t dim = sums.cols;
  for (size_t r = 0; r < in.x.rows; ++r) {
    const float* d = d_pairs.data + r * dim;
    const float* x = in.x.data + r * in.x.cols;
    const float* s = sums.data + r * dim;
    float* out = dx.data + r * dx.cols;
    for (size_t c = 0; c < in.categories; ++c) {
      const size_t at = in.first_column + c * dim;
      for (size_t j = 0; j < dim; ++j) out[at + j] += d[j] * (s[j] - x[at + j]);
    }
    if (in.bag.row_begin.empty()) continue;
    for (size_t j = 0; j < dim; ++j) out[in.bag_column + j] += d[j] * s[j];
    for (size_t i = in.bag.row_begin[r]; i < in.bag.row_begin[r + 1]; ++i) {
      const size_t row = in.bag.positions[i] * dim;
      const float square = in.bag.values[i] * in.bag.values[i];
      for (size_t j = 0; j < dim; ++j) {
        d_weights.data[row + j] -= d[j] * square * in.weights.data[row + j];
      }
    }
  }
}

}  // namespace rubato
