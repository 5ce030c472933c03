// The deep part of a network on a GPU (network_shape.h): the gathered input, hidden layers with
// relu, the last layer, and beside them the factorization machine over the same input.
//
// Owns what lies between the layers; weights, gradients and inputs are the caller's. Everything is
// put on one stream and may be captured.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/compute/cuda/device/blas_lt.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/network/batch_layout.h"
#include "worker/compute/cuda/network/network_shape.h"
#include "worker/compute/cuda/network/step_arrays.h"
#include "worker/compute/precision.h"

namespace rubato {

class DeepPart {
 public:
  // `blas` outlives it. `capacity`: of the largest batch.
  static absl::StatusOr<std::unique_ptr<DeepPart>> Make(BlasLt* blas, const NetworkShape& network,
                                                        const BatchShape& capacity,
                                                        Precision precision);
  virtual ~DeepPart() = default;

  // margin[rows, outputs], overwritten. Of several outputs it has a layer's stride (linear.h).
  virtual absl::Status Forward(StreamView stream, const StepArrays& step,
                               DeviceMatrix<float> margin) = 0;
  // The batch of the last Forward: gradients of all its tables but the last bias, from d_margin
  // [rows, outputs], whose padding may be read.
  virtual absl::Status Backward(StreamView stream, const StepArrays& step,
                                DeviceMatrix<const float> d_margin) = 0;
};

}  // namespace rubato
