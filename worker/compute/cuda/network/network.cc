#include "worker/compute/cuda/network/network.h"

#include <utility>

#include "common/base/status.h"
#include "worker/compute/cuda/kernels/losses.h"

namespace rubato {

absl::StatusOr<std::unique_ptr<Network>> Network::Make(BlasLt* blas, const NetworkShape& shape,
                                                       const BatchShape& capacity,
                                                       Precision precision) {
  std::unique_ptr<Network> network(new Network(shape, capacity.counts.rows));
  RETURN_IF_ERROR(network->Allocate(blas, capacity, precision));
  return network;
}

absl::Status Network::Allocate(BlasLt* blas, const BatchShape& capacity, Precision precision) {
  if (shape_.model.Find<DeepTerm>() != nullptr) {
    ASSIGN_OR_RETURN(deep_, DeepPart::Make(blas, shape_, capacity, precision));
  }
  if (const auto* const linear = shape_.model.Find<LinearTerm>()) {
    linear_table_ = linear->table;
    RETURN_IF_ERROR(AllocateLinear(blas, capacity.counts));
  }
  return AllocateMargins();
}

absl::Status Network::AllocateLinear(BlasLt* blas, const FeatureCounts& counts) {
  if (shape_.outputs() == 1) {
    ASSIGN_OR_RETURN(linear_, DeviceLinearTerm::Make(counts, shape_.numeric()));
  } else {
    ASSIGN_OR_RETURN(joint_linear_,
                     JointLinearTerm::Make(blas, counts, shape_.numeric(), shape_.outputs()));
  }
  return absl::OkStatus();
}

// Padding, which nobody writes, may be read along with what is before it.
absl::Status Network::AllocateMargins() {
  const size_t size = size_t{rows_} * Margins(&margin_).stride;
  ASSIGN_OR_RETURN(margin_, DeviceArray<float>::Make(size));
  ASSIGN_OR_RETURN(d_margin_, DeviceArray<float>::Make(size));
  ASSIGN_OR_RETURN(loss_partials_,
                   DeviceArray<double>::Make(LossPartials(rows_, shape_.outputs())));
  ASSIGN_OR_RETURN(const Stream stream, Stream::Make());
  RETURN_IF_ERROR(ZeroAsync(stream.view(), margin_.data(), size));
  RETURN_IF_ERROR(ZeroAsync(stream.view(), d_margin_.data(), size));
  return stream.Wait();
}

DeviceMatrix<float> Network::Margins(DeviceArray<float>* array) const {
  const uint32_t outputs = shape_.outputs();
  return {.data = array->data(),
          .rows = rows_,
          .cols = outputs,
          .stride = outputs == 1 ? 1 : PaddedStride(outputs)};
}

absl::Status Network::Forward(StreamView stream, const StepArrays& step) {
  if (deep_) RETURN_IF_ERROR(deep_->Forward(stream, step, Margins(&margin_)));
  return ForwardLinear(stream, step);
}

absl::Status Network::ForwardLinear(StreamView stream, const StepArrays& step) {
  if (!linear_ && !joint_linear_) return absl::OkStatus();
  const LinearTermSource from{
      .numeric = step.numeric,
      .weights = step.parameters[linear_table_],
      .bias = deep_ ? nullptr : step.parameters[shape_.model.margin_bias()]};
  if (linear_) return linear_->Forward(stream, step.features, from, margin_.data());
  return joint_linear_->Forward(stream, step.features, from, Margins(&margin_));
}

absl::Status Network::BackwardLinear(StreamView stream, const StepArrays& step) {
  if (!linear_ && !joint_linear_) return absl::OkStatus();
  float* const d_weights = step.gradients[linear_table_];
  if (linear_) {
    return linear_->Backward(stream, step.segments, step.features,
                             {.numeric = step.numeric, .d_margin = d_margin_.data()}, d_weights);
  }
  return joint_linear_->Backward(stream, step.segments, step.features, Margins(&d_margin_),
                                 d_weights);
}

absl::Status Network::Predict(StreamView stream, const StepArrays& step, float* prediction) {
  RETURN_IF_ERROR(Forward(stream, step));
  return PredictAsync(stream,
                      {.target = shape_.model.target,
                       .shift = shape_.model.prediction_shift,
                       .offset = step.offsets},
                      Margins(&margin_), prediction);
}

absl::Status Network::Train(StreamView stream, const StepArrays& step) {
  RETURN_IF_ERROR(Forward(stream, step));
  const LossRows rows{.filled = step.features.filled,
                      .margin = Margins(&margin_),
                      .label = step.labels,
                      .weight = step.weights,
                      .offset = step.offsets};
  RETURN_IF_ERROR(TargetLossAsync(stream, shape_.model.target, rows,
                                  {.d_margin = Margins(&d_margin_),
                                   .loss = step.loss,
                                   .d_bias = step.gradients[shape_.model.margin_bias()],
                                   .partials = loss_partials_.data()}));
  RETURN_IF_ERROR(BackwardLinear(stream, step));
  return deep_ ? deep_->Backward(stream, step, Margins(&d_margin_)) : absl::OkStatus();
}

}  // namespace rubato
