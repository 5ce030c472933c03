// Second-order term of a factorization machine: every pair of a row's features a < b, each with a
// value x and a vector v, adds x_a x_b <v_a, v_b>. In linear time, part by part of the vectors
// (Rendle 2010, "Factorization Machines", lemma 3.1):
//   p_j = 1/2 [ (sum_a x_a v_aj)^2 - sum_a (x_a v_aj)^2 ],   d p_j / d v_aj = x_a (s_j - x_a v_aj)
// with s_j = sum_a x_a v_aj. Features are a row's categories (x = 1) and its sparse features.
#pragma once

#include "worker/compute/cpu/embedding.h"

namespace rubato {

// What GatherCategories and GatherBag made: x[r, first_column + c dim + j] are the vectors of the
// categories, x[r, bag_column + j] the sum of the sparse features' ones.
struct FmInput {
  ConstMatrix x;        // [rows, width]
  ConstMatrix weights;  // [keys, dim]: the vectors
  size_t first_column = 0;
  size_t categories = 0;
  size_t bag_column = 0;
  BagPositions bag;  // row_begin empty: no sparse features
};

// pairs[rows, dim] = p; sums[rows, dim] = s, for the way back.
void FmForward(const FmInput& in, Matrix sums, Matrix pairs);

// From the slope of `pairs`. Adds to dx, which ScatterCategories and ScatterBag take to the
// vectors, and to d_weights what of the sparse features' slope does not pass through their sum.
void FmBackward(const FmInput& in, ConstMatrix sums, ConstMatrix d_pairs, Matrix dx,
                Matrix d_weights);

}  // namespace rubato
