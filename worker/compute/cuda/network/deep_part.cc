#include "worker/compute/cuda/network/deep_part.h"

#include <cuda_bf16.h>

#include <type_traits>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "worker/compute/cuda/device/device_memory.h"
#include "worker/compute/cuda/kernels/cast.h"
#include "worker/compute/cuda/kernels/fm.h"
#include "worker/compute/cuda/kernels/gather_input.h"
#include "worker/compute/cuda/kernels/output_layer.h"
#include "worker/compute/cuda/kernels/segment_sum.h"
#include "worker/compute/cuda/network/linear.h"

namespace rubato {
namespace {

// Elements from row to row of activations: what cublasLt and our 16-byte accesses want.
uint32_t Stride(uint32_t width) { return (width + 7) / 8 * 8; }

template <class T>
DeviceMatrix<const T> AsConst(DeviceMatrix<T> m) {
  return {.data = m.data, .rows = m.rows, .cols = m.cols, .stride = m.stride};
}

// T: element of activations. Activation l is the input of layer l, [rows, widths[l]].
template <class T>
class Deep : public DeepPart {
 public:
  Deep(const NetworkShape& network, uint32_t rows)
      : network_(network), term_(*network.model.Find<DeepTerm>()), rows_(rows) {}
  absl::Status Allocate(BlasLt* blas, const BatchShape& capacity, Precision precision);

  absl::Status Forward(StreamView stream, const StepArrays& step, float* margin) override;
  absl::Status Backward(StreamView stream, const StepArrays& step, const float* d_margin) override;

 private:
  static constexpr bool kNarrow = !std::is_same_v<T, float>;
  size_t hidden() const { return term_.layers() - 1; }
  uint32_t Width(size_t layer) const { return static_cast<uint32_t>(term_.widths[layer]); }
  bool HasPairs() const { return network_.model.Find<FactorizationMachine>() != nullptr; }
  // The embeddings among a step's tables; null: there are none.
  template <class Array>
  Array Embedding(const std::vector<Array>& tables) const {
    const auto* const bag = network_.model.Find<EmbeddingBag>();
    return bag == nullptr ? nullptr : tables[bag->table];
  }
  absl::Status AllocateActivations();
  absl::Status AllocateHidden(BlasLt* blas, Precision precision);
  absl::Status CastWeights(StreamView stream, const StepArrays& step);
  absl::Status BackwardHidden(StreamView stream, const StepArrays& step, size_t layer);
  absl::Status BackwardFeatures(StreamView stream, const StepArrays& step, const float* d_margin);
  DeviceMatrix<T> View(std::vector<DeviceArray<T>>* arrays, size_t layer) const;
  DeviceMatrix<const T> Input(size_t layer) { return AsConst(View(&activations_, layer)); }
  DeviceMatrix<T> Slope(size_t layer) { return View(&slopes_, layer); }
  const T* Weights(const StepArrays& step, size_t table);

  const NetworkShape network_;
  const DeepTerm term_;
  const uint32_t rows_;
  std::vector<DeviceArray<T>> activations_;  // [layers]
  std::vector<DeviceArray<T>> slopes_;       // [layers]; the first only for features
  std::vector<LinearLayer<T>> layers_;       // [hidden]
  std::optional<OutputLayer<T>> output_;
  std::vector<DeviceArray<T>> narrow_;     // bf16: copies of the hidden layers' tables, by table
  std::optional<SegmentSum> segment_sum_;  // none: no features so far
  DeviceArray<float> fm_sums_;             // [rows, dim]
};

template <class T>
absl::Status Deep<T>::Allocate(BlasLt* blas, const BatchShape& capacity, Precision precision) {
  RETURN_IF_ERROR(AllocateActivations());
  RETURN_IF_ERROR(AllocateHidden(blas, precision));
  ASSIGN_OR_RETURN(output_, OutputLayer<T>::Make(rows_, Width(hidden())));
  if (capacity.counts.occurrences() > 0) {
    ASSIGN_OR_RETURN(segment_sum_,
                     SegmentSum::Make(capacity.counts.occurrences(), network_.input().dim));
  }
  if (HasPairs()) {
    ASSIGN_OR_RETURN(fm_sums_, DeviceArray<float>::Make(size_t{rows_} * network_.input().dim));
  }
  return absl::OkStatus();
}

// What is behind the columns of a row is never written by a product, but read along with them, so
// it is cleared here.
template <class T>
absl::Status Deep<T>::AllocateActivations() {
  ASSIGN_OR_RETURN(const Stream stream, Stream::Make());
  for (size_t l = 0; l <= hidden(); ++l) {
    const size_t size = size_t{rows_} * Stride(Width(l));
    const bool wanted = l > 0 || network_.has_features();
    ASSIGN_OR_RETURN(activations_.emplace_back(), DeviceArray<T>::Make(size));
    ASSIGN_OR_RETURN(slopes_.emplace_back(), DeviceArray<T>::Make(wanted ? size : 0));
    RETURN_IF_ERROR(ZeroAsync(stream.view(), activations_[l].data(), activations_[l].size()));
    RETURN_IF_ERROR(ZeroAsync(stream.view(), slopes_[l].data(), slopes_[l].size()));
  }
  return stream.Wait();
}

template <class T>
absl::Status Deep<T>::AllocateHidden(BlasLt* blas, Precision precision) {
  for (size_t l = 0; l < hidden(); ++l) {
    const uint32_t in = Width(l);
    const uint32_t out = Width(l + 1);
    const LinearShape shape{
        .rows = rows_, .in = in, .out = out, .x_stride = Stride(in), .y_stride = Stride(out)};
    const LinearOptions options{.precision = precision,
                                .keep_mask = l + 1 < hidden() ? KeepMask::kYes : KeepMask::kNo,
                                .below = l > 0                     ? Below::kRelu
                                         : network_.has_features() ? Below::kInput
                                                                   : Below::kNothing,
                                .mask_below = l > 0 ? layers_.back().mask() : nullptr};
    ASSIGN_OR_RETURN(LinearLayer<T> layer, LinearLayer<T>::Make(blas, shape, options));
    layers_.push_back(std::move(layer));
  }
  if (!kNarrow) return absl::OkStatus();
  narrow_.resize(network_.tables().size());
  for (size_t t = term_.first_table; t < term_.weight_table(hidden()); ++t) {
    ASSIGN_OR_RETURN(narrow_[t], DeviceArray<T>::Make(network_.tables()[t].size));
  }
  return absl::OkStatus();
}

template <class T>
DeviceMatrix<T> Deep<T>::View(std::vector<DeviceArray<T>>* arrays, size_t layer) const {
  const uint32_t width = Width(layer);
  return {.data = (*arrays)[layer].data(), .rows = rows_, .cols = width, .stride = Stride(width)};
}

// What a product reads of a hidden layer's table.
template <class T>
const T* Deep<T>::Weights(const StepArrays& step, size_t table) {
  if constexpr (kNarrow) {
    return narrow_[table].data();
  } else {
    return step.parameters[table];
  }
}

template <class T>
absl::Status Deep<T>::CastWeights(StreamView stream, const StepArrays& step) {
  if constexpr (kNarrow) {
    std::vector<CastSegment> segments;
    for (size_t t = term_.first_table; t < term_.weight_table(hidden()); ++t) {
      segments.push_back({.from = step.parameters[t],
                          .to = narrow_[t].data(),
                          .count = network_.tables()[t].size});
    }
    return CastAsync(stream, segments);
  } else {
    return absl::OkStatus();
  }
}

template <class T>
absl::Status Deep<T>::Forward(StreamView stream, const StepArrays& step, float* margin) {
  RETURN_IF_ERROR(CastWeights(stream, step));
  const float* const embedding = Embedding(step.parameters);
  RETURN_IF_ERROR(GatherInput<T>(stream, network_.input(), step.features,
                                 {.numeric = step.numeric, .weights = embedding},
                                 View(&activations_, 0)));
  for (size_t l = 0; l < hidden(); ++l) {
    RETURN_IF_ERROR(layers_[l].Forward(stream, Input(l),
                                       {.weight = Weights(step, term_.weight_table(l)),
                                        .bias = Weights(step, term_.bias_table(l))},
                                       View(&activations_, l + 1)));
  }
  RETURN_IF_ERROR(output_->Forward(stream, Input(hidden()),
                                   step.parameters[term_.weight_table(hidden())],
                                   step.parameters[term_.bias_table(hidden())], margin));
  if (!HasPairs()) return absl::OkStatus();
  return FmForwardAsync<T>(stream, network_.input(), step.features,
                           {.x = Input(0), .weights = embedding},
                           {.sums = fm_sums_.data(), .margin = margin});
}

template <class T>
absl::Status Deep<T>::Backward(StreamView stream, const StepArrays& step, const float* d_margin) {
  const size_t last = hidden();
  OutputGradients<T> to{.weight = step.gradients[term_.weight_table(last)]};
  if (last > 0) to.bias_below = step.gradients[term_.bias_table(last - 1)];
  if (last > 0 || network_.has_features()) to.x = Slope(last);
  RETURN_IF_ERROR(output_->Backward(stream, Input(last), d_margin,
                                    step.parameters[term_.weight_table(last)], to));
  for (size_t l = last; l-- > 0;) RETURN_IF_ERROR(BackwardHidden(stream, step, l));
  if (!segment_sum_) return absl::OkStatus();
  return BackwardFeatures(stream, step, d_margin);
}

template <class T>
absl::Status Deep<T>::BackwardHidden(StreamView stream, const StepArrays& step, size_t layer) {
  const DeviceMatrix<const T> dy = AsConst(Slope(layer + 1));
  const size_t weight = term_.weight_table(layer);
  RETURN_IF_ERROR(layers_[layer].BackwardWeights(stream, Input(layer), dy, step.gradients[weight]));
  if (layer == 0 && !network_.has_features()) return absl::OkStatus();
  InputGradients<T> to{.x = Slope(layer)};
  if (layer > 0) to.bias_below = step.gradients[term_.bias_table(layer - 1)];
  return layers_[layer].BackwardInput(stream, dy, Weights(step, weight), Input(layer), to);
}

template <class T>
absl::Status Deep<T>::BackwardFeatures(StreamView stream, const StepArrays& step,
                                       const float* d_margin) {
  OccurrenceSlopes<T> slopes{.slope = AsConst(Slope(0)),
                             .first = network_.input().numeric,
                             .step = network_.input().dim,
                             .bag = network_.input().bag};
  if (HasPairs()) {
    RETURN_IF_ERROR(FmBackwardAsync<T>(
        stream, network_.input(), step.features,
        {.x = Input(0), .sums = fm_sums_.data(), .d_margin = d_margin}, Slope(0)));
    slopes.pairs = {.d_margin = d_margin, .weights = Embedding(step.parameters)};
  }
  return segment_sum_->Run<T>(stream, step.segments, step.features, slopes,
                              Embedding(step.gradients));
}

template <class T>
absl::StatusOr<std::unique_ptr<DeepPart>> MakeDeep(BlasLt* blas, const NetworkShape& network,
                                                   const BatchShape& capacity,
                                                   Precision precision) {
  auto deep = std::make_unique<Deep<T>>(network, capacity.counts.rows);
  RETURN_IF_ERROR(deep->Allocate(blas, capacity, precision));
  return deep;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DeepPart>> DeepPart::Make(BlasLt* blas, const NetworkShape& network,
                                                         const BatchShape& capacity,
                                                         Precision precision) {
  if (precision == Precision::kBf16) {
    return MakeDeep<__nv_bfloat16>(blas, network, capacity, precision);
  }
  return MakeDeep<float>(blas, network, capacity, precision);
}

}  // namespace rubato
