// A model on a GPU: from a batch and its weights to the margins, the loss and all gradients.
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
#include "worker/compute/cuda/network/joint_linear_term.h"
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

  // The margins, and from them prediction[rows, outputs].
  absl::Status Predict(StreamView stream, const StepArrays& step, float* prediction);
  // The margins, *step.loss and step.gradients.
  absl::Status Train(StreamView stream, const StepArrays& step);

 private:
  Network(const NetworkShape& shape, uint32_t rows) : shape_(shape), rows_(rows) {}
  absl::Status Allocate(BlasLt* blas, const BatchShape& capacity, Precision precision);
  absl::Status AllocateLinear(BlasLt* blas, const FeatureCounts& counts);
  absl::Status AllocateMargins();
  absl::Status Forward(StreamView stream, const StepArrays& step);
  absl::Status ForwardLinear(StreamView stream, const StepArrays& step);
  absl::Status BackwardLinear(StreamView stream, const StepArrays& step);
  // Of one output without padding, of several as layers have them.
  DeviceMatrix<float> Margins(DeviceArray<float>* array) const;

  const NetworkShape shape_;
  const uint32_t rows_;
  std::unique_ptr<DeepPart> deep_;
  // The linear term, if the model has one, of one output or of several.
  std::optional<DeviceLinearTerm> linear_;
  std::optional<JointLinearTerm> joint_linear_;
  size_t linear_table_ = 0;
  DeviceArray<float> margin_;    // [rows, stride]
  DeviceArray<float> d_margin_;  // [rows, stride]
  DeviceArray<double> loss_partials_;
};

}  // namespace rubato
