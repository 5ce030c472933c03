// The factorization machine of a network on a GPU: with a row's parts p of worker/compute/cpu/fm.h
//   one output   margin += sum_j p_j                                   (kernels/fm.h)
//   several      margin += p w, w [dim, outputs]                       (a product)
//
// The product is in single precision whatever the run's: at 2 dim operations a margin, which is
// read and written, it is bound by the margins' bytes, 4 MB and 1.2 us for 8,192 rows of 64
// outputs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/compute/cuda/device/blas_lt.h"
#include "worker/compute/cuda/device/device_memory.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/kernels/features.h"
#include "worker/compute/cuda/kernels/segment_sum.h"
#include "worker/compute/cuda/network/linear.h"
#include "worker/compute/cuda/network/network_shape.h"
#include "worker/compute/cuda/network/step_arrays.h"

namespace rubato {

// T: element of the network's input.
template <class T>
class FmPart {
 public:
  // `network` has a factorization machine.
  static absl::StatusOr<FmPart> Make(BlasLt* blas, const NetworkShape& network, uint32_t rows);

  // Adds to margin [rows, outputs]; x is the gathered input.
  absl::Status Forward(StreamView stream, const StepArrays& step, DeviceMatrix<const T> x,
                       DeviceMatrix<float> margin);
  // x and d_margin [rows, outputs].
  struct Slopes {
    DeviceMatrix<const T> x;
    DeviceMatrix<const float> d_margin;
  };
  // The batch of the last Forward: adds to dx, and makes the gradient of w. What of the slopes does
  // not pass through dx is returned.
  absl::StatusOr<PairSlopes> Backward(StreamView stream, const StepArrays& step, const Slopes& from,
                                      DeviceMatrix<T> dx);

 private:
  FmPart(const NetworkShape& network, uint32_t rows);
  absl::Status AllocatePairs(BlasLt* blas);
  DeviceMatrix<float> View(DeviceArray<float>* parts) const;

  InputLayout input_;
  uint32_t rows_;
  uint32_t outputs_;
  size_t embedding_;             // table
  std::optional<size_t> table_;  // of several outputs
  DeviceArray<float> sums_;      // [rows, dim]
  // Of several outputs:
  std::optional<LinearLayer<float>> product_;
  DeviceArray<float> pairs_;    // [rows, stride]
  DeviceArray<float> d_pairs_;  // [rows, stride]
};

}  // namespace rubato
