// The first thing a network does: its input from numeric columns and embeddings, in one kernel.
//
//   x[r] = [numeric columns | weights[position] of each category column |
//           sum of value * weights[position] over the row's sparse features | zeros up to stride]
//
// Where a position is kNoRow its part is zero; so are all rows that the batch does not fill. The
// CPU's are GatherCategories and GatherBag (worker/compute/cpu/embedding.h).
#pragma once

#include "absl/status/status.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/kernels/features.h"

namespace rubato {

// In device memory.
struct InputSource {
  const float* numeric = nullptr;  // [rows, numeric]
  const float* weights = nullptr;  // [*, dim]
};

// T is float or __nv_bfloat16. Every element of x[rows, stride] is written. The sum is there if
// features.row_begin is.
template <class T>
absl::Status GatherInput(StreamView stream, const InputLayout& layout, const Features& features,
                         const InputSource& from, DeviceMatrix<T> x);

}  // namespace rubato
