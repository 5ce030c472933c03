// Rectifier with bias, and its way back, and a bias alone, as kernels of their own: for products
// that cublasLt cannot fuse with them (blas_lt.h), and twins of what its epilogues do.
//
// T is float or bfloat16. Matrices start at multiples of 16 bytes and have strides of multiples of
// 8 elements; padding behind their columns may change. Twin: worker/compute/cpu/relu.h.
#pragma once

#include "absl/status/status.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/kernels/column_sums.h"
#include "worker/compute/cuda/kernels/features.h"

namespace rubato {

// y = max(y + bias, 0), bias [cols].
template <class T>
absl::Status AddBiasReluAsync(StreamView stream, const T* bias, DeviceMatrix<T> y);

// y += bias, bias [cols].
absl::Status AddBiasAsync(StreamView stream, const float* bias, DeviceMatrix<float> y);

// dy = 0 where y = 0, y being the forward pass's output; then bias_slope [cols] = column sums of
// dy. `sums` is made for dy's shape and one kind.
template <class T>
absl::Status ReluBackwardAsync(StreamView stream, DeviceMatrix<const T> y, DeviceMatrix<T> dy,
                               float* bias_slope, ColumnSums* sums);

}  // namespace rubato
