#include "worker/compute/cuda/network/fm_part.h"

#include <cuda_bf16.h>

#include "common/base/status.h"
#include "worker/compute/cuda/kernels/fm.h"

namespace rubato {

template <class T>
FmPart<T>::FmPart(const NetworkShape& network, uint32_t rows)
    : input_(network.input()),
      rows_(rows),
      outputs_(network.outputs()),
      embedding_(network.model.Find<EmbeddingBag>()->table),
      table_(network.model.Find<FactorizationMachine>()->table) {}

template <class T>
absl::StatusOr<FmPart<T>> FmPart<T>::Make(BlasLt* blas, const NetworkShape& network,
                                          uint32_t rows) {
  FmPart part(network, rows);
  ASSIGN_OR_RETURN(part.sums_, DeviceArray<float>::Make(size_t{rows} * part.input_.dim));
  if (part.table_) RETURN_IF_ERROR(part.AllocatePairs(blas));
  return part;
}

template <class T>
absl::Status FmPart<T>::AllocatePairs(BlasLt* blas) {
  const uint32_t stride = PaddedStride(input_.dim);
  ASSIGN_OR_RETURN(pairs_, DeviceArray<float>::Make(size_t{rows_} * stride));
  ASSIGN_OR_RETURN(d_pairs_, DeviceArray<float>::Make(size_t{rows_} * stride));
  const LinearShape shape{.rows = rows_,
                          .in = input_.dim,
                          .out = outputs_,
                          .x_stride = stride,
                          .y_stride = PaddedStride(outputs_)};
  ASSIGN_OR_RETURN(product_, LinearLayer<float>::Make(
                                 blas, shape, {.output = Output::kAdded, .below = Below::kInput}));
  return absl::OkStatus();
}

template <class T>
DeviceMatrix<float> FmPart<T>::View(DeviceArray<float>* parts) const {
  return {parts->data(), rows_, input_.dim, PaddedStride(input_.dim)};
}

template <class T>
absl::Status FmPart<T>::Forward(StreamView stream, const StepArrays& step, DeviceMatrix<const T> x,
                                DeviceMatrix<float> margin) {
  const FmSource<T> from{.x = x, .weights = step.parameters[embedding_]};
  if (!table_) {
    return FmForwardAsync<T>(stream, input_, step.features, from,
                             {.sums = sums_.data(), .margin = margin.data});
  }
  RETURN_IF_ERROR(FmForwardAsync<T>(stream, input_, step.features, from,
                                    {.sums = sums_.data(), .pairs = View(&pairs_)}));
  return product_->Forward(stream, View(&pairs_), {.weight = step.parameters[*table_]}, margin);
}

template <class T>
absl::StatusOr<PairSlopes> FmPart<T>::Backward(StreamView stream, const StepArrays& step,
                                               const Slopes& from, DeviceMatrix<T> dx) {
  FmSlopes<T> slopes{.x = from.x, .sums = sums_.data()};
  PairSlopes pairs{.weights = step.parameters[embedding_]};
  if (table_) {
    const DeviceMatrix<float> d_pairs = View(&d_pairs_);
    const DeviceMatrix<const float> parts = View(&pairs_);
    RETURN_IF_ERROR(
        product_->BackwardWeights(stream, parts, from.d_margin, step.gradients[*table_]));
    RETURN_IF_ERROR(product_->BackwardInput(stream, from.d_margin, step.parameters[*table_], parts,
                                            {.x = d_pairs}));
    slopes.d_pairs = d_pairs;
    pairs.slope = d_pairs.data;
    pairs.stride = d_pairs.stride;
  } else {
    slopes.d_margin = pairs.slope = from.d_margin.data;
  }
  RETURN_IF_ERROR(FmBackwardAsync<T>(stream, input_, step.features, slopes, dx));
  return pairs;
}

template class FmPart<float>;
template class FmPart<__nv_bfloat16>;

}  // namespace rubato
