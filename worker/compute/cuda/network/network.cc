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
    ASSIGN_OR_RETURN(linear_, DeviceLinearTerm::Make(capacity.counts, shape_.numeric()));
  }
  ASSIGN_OR_RETURN(margin_, DeviceArray<float>::Make(rows_));
  ASSIGN_OR_RETURN(d_margin_, DeviceArray<float>::Make(rows_));
  ASSIGN_OR_RETURN(loss_partials_, DeviceArray<double>::Make(LossPartials(rows_, 1)));
  return absl::OkStatus();
}

DeviceMatrix<const float> Network::margin() const {
  return {.data = margin_.data(), .rows = rows_, .cols = 1, .stride = 1};
}

absl::Status Network::Forward(StreamView stream, const StepArrays& step) {
  if (deep_) RETURN_IF_ERROR(deep_->Forward(stream, step, margin_.data()));
  if (!linear_) return absl::OkStatus();
  return linear_->Forward(stream, step.features,
                          {.numeric = step.numeric,
                           .weights = step.parameters[linear_table_],
                           .bias = deep_ ? nullptr : step.parameters[shape_.model.margin_bias()]},
                          margin_.data());
}

absl::Status Network::Predict(StreamView stream, const StepArrays& step, float* prediction) {
  RETURN_IF_ERROR(Forward(stream, step));
  return PredictAsync(stream,
                      {.target = shape_.model.target,
                       .shift = shape_.model.prediction_shift,
                       .offset = step.offsets},
                      margin(), prediction);
}

absl::Status Network::Train(StreamView stream, const StepArrays& step) {
  RETURN_IF_ERROR(Forward(stream, step));
  const LossRows rows{.filled = step.features.filled,
                      .margin = margin(),
                      .label = step.labels,
                      .weight = step.weights,
                      .offset = step.offsets};
  RETURN_IF_ERROR(TargetLossAsync(
      stream, shape_.model.target, rows,
      {.d_margin = {.data = d_margin_.data(), .rows = rows_, .cols = 1, .stride = 1},
       .loss = step.loss,
       .d_bias = step.gradients[shape_.model.margin_bias()],
       .partials = loss_partials_.data()}));
  if (linear_) {
    RETURN_IF_ERROR(linear_->Backward(stream, step.segments, step.features,
                                      {.numeric = step.numeric, .d_margin = d_margin_.data()},
                                      step.gradients[linear_table_]));
  }
  return deep_ ? deep_->Backward(stream, step, d_margin_.data()) : absl::OkStatus();
}

}  // namespace rubato
