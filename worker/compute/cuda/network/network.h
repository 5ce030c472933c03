// A model on a GPU: from a batch and its weights to the margin, the loss and all gradients.
//
// Owns what lies between; weights, gradients and inputs are the caller's. Everything is put on one
// stream, allocates nothing and may be captured. Calls of one network run one after the other.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/compute/cuda/device/device_memory.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/kernels/linear_term.h"
#include "worker/compute/cuda/network/batch_layout.h"
#include "worker/compute/cuda/network/deep_part.h"
#include "worker/compute/cuda/network/network_shape.h"
#include "worker/compute/cuda/network/step_arrays.h"
#include "worker/compute/precision.h"

namespace rubato {

class Network {
 public:
  // `capacity`: of the largest batch. `blas` outlives it.
  static absl::StatusOr<std::unique_ptr<Network>> Make(BlasLt* blas, const NetworkShape& shape,
                                                       const BatchShape& capacity,
                                                       Precision precision);

  // The margin, and from it prediction[rows].
  absl::Status Predict(StreamView stream, const StepArrays& step, float* prediction);
  // The margin, *step.loss and step.gradients.
  absl::Status Train(StreamView stream, const StepArrays& step);

 private:
  Network(const NetworkShape& shape, uint32_t rows) : shape_(shape), rows_(rows) {}
  absl::Status Allocate(BlasLt* blas, const BatchShape& capacity, Precision precision);
  absl::Status Forward(StreamView stream, const StepArrays& step);
  DeviceMatrix<const float> margin() const;

  const NetworkShape shape_;
  const uint32_t rows_;
  std::unique_ptr<DeepPart> deep_;
  std::optional<DeviceLinearTerm> linear_;
  size_t linear_table_ = 0;
  DeviceArray<float> margin_;    // [rows]
  DeviceArray<float> d_margin_;  // [rows]
  DeviceArray<double> loss_partials_;
};

}  // namespace rubato
