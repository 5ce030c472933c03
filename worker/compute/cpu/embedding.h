// Embeddings: a category level or a sparse feature is a learned row of `dim` floats.
//
// Rows come as weights [keys, dim] with, for each occurrence, its position among the keys. A
// category column copies its row; a bag adds up value * row over a row's sparse features. Both
// write into a slice of a wider matrix, the network's input: `columns` wide, beginning at
// `first_column`. The way back sums, per key, the gradients of all its occurrences (a segment sum,
// in batch order, so that the same batch gives the same bits).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "worker/compute/matrix.h"

namespace rubato {

// positions[rows, columns] of category levels.
struct CategoryPositions {
  std::span<const uint32_t> positions;
  size_t columns = 0;
};

// A row's sparse features are [row_begin[r], row_begin[r + 1]) of positions and values.
struct BagPositions {
  std::span<const uint32_t> row_begin;  // [rows + 1]
  std::span<const uint32_t> positions;
  std::span<const float> values;
};

// x[r, first_column + c dim + j] = weights[positions[r, c], j].
void GatherCategories(const CategoryPositions& categories, ConstMatrix weights, size_t first_column,
                      Matrix x);
// d_weights[positions[r, c], j] += dx[r, first_column + c dim + j].
void ScatterCategories(const CategoryPositions& categories, ConstMatrix dx, size_t first_column,
                       Matrix d_weights);

// x[r, first_column + j] = sum_i values[i] weights[positions[i], j].
void GatherBag(const BagPositions& bag, ConstMatrix weights, size_t first_column, Matrix x);
// d_weights[positions[i], j] += values[i] dx[r, first_column + j].
void ScatterBag(const BagPositions& bag, ConstMatrix dx, size_t first_column, Matrix d_weights);

}  // namespace rubato
