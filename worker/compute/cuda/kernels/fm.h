// The second-order term of a factorization machine over the embeddings of a row; formulas and CPU
// reference in worker/compute/cpu/fm.h. With s_j = sum_a x_a v_aj over the row's features
//
//   margin += 1/2 sum_j [ s_j^2 - sum_a (x_a v_aj)^2 ],   d / d v_aj = x_a (s_j - x_a v_aj)
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

struct FmTerm {
  float* sums = nullptr;    // [rows, dim] = s, for the way back; zero where no row is filled
  float* margin = nullptr;  // [rows] += the term; not touched where no row is filled
};

template <class T>
struct FmSlopes {
  DeviceMatrix<const T> x;          // [rows, width]
  const float* sums = nullptr;      // [rows, dim]
  const float* d_margin = nullptr;  // [rows]
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
