#include "worker/compute/cpu/embedding.h"

#include <algorithm>

namespace rubato {

void GatherCategories(const CategoryPositions& categories, ConstMatrix weights, size_t first_column,
                      Matrix x) {
  const size_t dim = weights.cols;
  for (size_t r = 0; r < x.rows; ++r) {
    const uint32_t* position = categories.positions.data() + r * categories.columns;
    float* out = x.data + r * x.cols + first_column;
    for (size_t c = 0; c < categories.columns; ++c, out += dim) {
      std::copy_n(weights.data + position[c] * dim, dim, out);
    }
  }
}

void ScatterCategories(const CategoryPositions& categories, ConstMatrix dx, size_t first_column,
                       Matrix d_weights) {
  const size_t dim = d_weights.cols;
  for (size_t r = 0; r < dx.rows; ++r) {
    const uint32_t* position = categories.positions.data() + r * categories.columns;
    const float* in = dx.data + r * dx.cols + first_column;
    for (size_t c = 0; c < categories.columns; ++c, in += dim) {
      float* out = d_weights.data + position[c] * dim;
      for (size_t j = 0; j < dim; ++j) out[j] += in[j];
    }
  }
}

void GatherBag(const BagPositions& bag, ConstMatrix weights, size_t first_column, Matrix x) {
  const size_t dim = weights.cols;
  for (size_t r = 0; r < x.rows; ++r) {
    float* out = x.data + r * x.cols + first_column;
    std::fill_n(out, dim, 0.0F);
    for (size_t i = bag.row_begin[r]; i < bag.row_begin[r + 1]; ++i) {
      const float* row = weights.data + bag.positions[i] * dim;
      for (size_t j = 0; j < dim; ++j) out[j] += bag.values[i] * row[j];
    }
  }
}

void ScatterBag(const BagPositions& bag, ConstMatrix dx, size_t first_column, Matrix d_weights) {
  const size_t dim = d_weights.cols;
  for (size_t r = 0; r < dx.rows; ++r) {
    const float* in = dx.data + r * dx.cols + first_column;
    for (size_t i = bag.row_begin[r]; i < bag.row_begin[r + 1]; ++i) {
      float* row = d_weights.data + bag.positions[i] * dim;
      for (size_t j = 0; j < dim; ++j) row[j] += bag.values[i] * in[j];
    }
  }
}

}  // namespace rubato
