// The second-order term of a factorization machine over the embeddings of a row; formulas and CPU
// reference in worker/compute/cpu/fm.h. With s_j = sum_a x_a v_aj over the row's features
//
//   p_j = 1/2 [ s_j^2 - sum_a (x_a v_aj)^2 ],   d p_j / d v_aj = x_a (s_j - x_a v_aj)
//
// One output adds all p_j of a row to its margin; of several, each weighs them (network/fm_part.h).
//
// Vectors of categories are taken from the network's input x, as rounded there; those of sparse
// features, of which x has only the sum, from the weights. On the way back the slope of the
// categories, and what of the sparse features' slope passes through their sum, is added to dx; the
// rest of it is PairSlopes of segment_sum.h.
#pragma once

#include "absl/status/status.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/kernels/features.h"

namespace rubato {

// All in device memory. T is float or __nv_bfloat16.
template <class T>
struct FmSource {
  DeviceMatrix<const T> x;         // [rows, width] as GatherInput made it
  const float* weights = nullptr;  // [*, dim]; read for sparse features only
};

// One of `margin` and `pairs`.
struct FmTerm {
  float* sums = nullptr;           // [rows, dim] = s, for the way back; zero where no row is filled
  float* margin = nullptr;         // [rows] += sum of p; not touched where no row is filled
  DeviceMatrix<float> pairs = {};  // [rows, dim] = p; zero where no row is filled
};

template <class T>
struct FmSlopes {
  DeviceMatrix<const T> x;      // [rows, width]
  const float* sums = nullptr;  // [rows, dim]
  // One of these.
  const float* d_margin = nullptr;         // [rows] slope of all of a row's p
  DeviceMatrix<const float> d_pairs = {};  // [rows, dim]
};

template <class T>
absl::Status FmForwardAsync(StreamView stream, const InputLayout& layout, const Features& features,
                            const FmSource<T>& from, const FmTerm& out);

// Adds to columns [layout.numeric, layout.width) of the filled rows of dx. Neither positions nor
// sparse features are read.
template <class T>
absl::Status FmBackwardAsync(StreamView stream, const InputLayout& layout, const Features& features,
                             const FmSlopes<T>& from, DeviceMatrix<T> dx);

}  // namespace rubato
