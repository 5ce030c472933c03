#include "worker/compute/cuda/network/deep_part.h"

#include <cuda_bf16.h>

#include <type_traits>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "worker/compute/cuda/device/device_memory.h"
#include "worker/compute/cuda/kernels/cast.h"
#include "worker/compute/cuda/kernels/gather_input.h"
#include "worker/compute/cuda/kernels/output_layer.h"
#include "worker/compute/cuda/kernels/segment_sum.h"
#include "worker/compute/cuda/network/fm_part.h"
#include "worker/compute/cuda/network/linear.h"

namespace rubato {
namespace {

template <class T>
DeviceMatrix<const T> AsConst(DeviceMatrix<T> m) {
  return {.data = m.data, .rows = m.rows, .cols = m.cols, .stride = m.stride};
}

// T: element of activations. Activation l is the input of layer l, [rows, widths[l]]. The last
// layer, number hidden(), is a product only if it has several outputs.
template <class T>
class Deep : public DeepPart {
 public:
  Deep(const NetworkShape& network, uint32_t rows)
      : network_(network), term_(*network.model.Find<DeepTerm>()), rows_(rows) {}
  absl::Status Allocate(BlasLt* blas, const BatchShape& capacity, Precision precision);

  absl::Status Forward(StreamView stream, const StepArrays& step,
                       DeviceMatrix<float> margin) override;
  absl::Status Backward(StreamView stream, const StepArrays& step,
                        DeviceMatrix<const float> d_margin) override;

 private:
  static constexpr bool kNarrow = !std::is_same_v<T, float>;
  size_t hidden() const { return term_.layers() - 1; }
  uint32_t Width(size_t layer) const { return static_cast<uint32_t>(term_.widths[layer]); }
  // Products read what is before it.
  size_t EndOfProductTables() const {
    return term_.weight_table(hidden()) + (network_.outputs() > 1 ? 1 : 0);
  }
  // The embeddings among a step's tables; null: there are none.
  template <class Array>
  Array Embedding(const std::vector<Array>& tables) const {
    const auto* const bag = network_.model.Find<EmbeddingBag>();
    return bag == nullptr ? nullptr : tables[bag->table];
  }
  absl::Status AllocateActivations();
  absl::Status AllocateHidden(BlasLt* blas, Precision precision);
  absl::Status AllocateLast(BlasLt* blas, Precision precision);
  absl::Status AllocateNarrow();
  LinearShape ShapeOf(size_t layer) const;
  LinearOptions OptionsOf(size_t layer, Precision precision);
  absl::Status CastWeights(StreamView stream, const StepArrays& step);
  absl::Status ForwardLast(StreamView stream, const StepArrays& step, DeviceMatrix<float> margin);
  absl::Status BackwardLast(StreamView stream, const StepArrays& step,
                            DeviceMatrix<const float> d_margin);
  template <class Layer>
  absl::Status BackwardLayer(StreamView stream, const StepArrays& step, size_t number,
                             DeviceMatrix<const T> dy, Layer* layer);
  absl::Status BackwardFeatures(StreamView stream, const StepArrays& step,
                                DeviceMatrix<const float> d_margin);
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
  // The last layer, of one output or of several.
  std::optional<OutputLayer<T>> output_;
  std::optional<LinearLayer<T, float>> outputs_;
  // bf16: copies of what products read.
  std::vector<DeviceArray<T>> narrow_;  // by table
  DeviceArray<T> narrow_d_margin_;      // [rows, stride]; of several outputs
  std::optional<FmPart<T>> pairs_;
  std::optional<SegmentSum> segment_sum_;  // none: no features so far
};

template <class T>
absl::Status Deep<T>::Allocate(BlasLt* blas, const BatchShape& capacity, Precision precision) {
  RETURN_IF_ERROR(AllocateActivations());
  RETURN_IF_ERROR(AllocateHidden(blas, precision));
  RETURN_IF_ERROR(AllocateLast(blas, precision));
  if (kNarrow) RETURN_IF_ERROR(AllocateNarrow());
  if (capacity.counts.occurrences() > 0) {
    ASSIGN_OR_RETURN(segment_sum_,
                     SegmentSum::Make(capacity.counts.occurrences(), network_.input().dim));
  }
  if (network_.model.Find<FactorizationMachine>() != nullptr) {
    ASSIGN_OR_RETURN(pairs_, FmPart<T>::Make(blas, network_, rows_));
  }
  return absl::OkStatus();
}

// What is behind the columns of a row is never written by a product, but read along with them, so
// it is cleared here.
template <class T>
absl::Status Deep<T>::AllocateActivations() {
  ASSIGN_OR_RETURN(const Stream stream, Stream::Make());
  for (size_t l = 0; l <= hidden(); ++l) {
    const size_t size = size_t{rows_} * PaddedStride(Width(l));
    const bool wanted = l > 0 || network_.has_features();
    ASSIGN_OR_RETURN(activations_.emplace_back(), DeviceArray<T>::Make(size));
    ASSIGN_OR_RETURN(slopes_.emplace_back(), DeviceArray<T>::Make(wanted ? size : 0));
    RETURN_IF_ERROR(ZeroAsync(stream.view(), activations_[l].data(), activations_[l].size()));
    RETURN_IF_ERROR(ZeroAsync(stream.view(), slopes_[l].data(), slopes_[l].size()));
  }
  return stream.Wait();
}

template <class T>
LinearShape Deep<T>::ShapeOf(size_t layer) const {
  const uint32_t in = Width(layer);
  const uint32_t out = Width(layer + 1);
  return {.rows = rows_,
          .in = in,
          .out = out,
          .x_stride = PaddedStride(in),
          .y_stride = PaddedStride(out)};
}

// Those below it are made.
template <class T>
LinearOptions Deep<T>::OptionsOf(size_t layer, Precision precision) {
  const bool last = layer == hidden();
  const bool product_above = layer + 1 < hidden() || network_.outputs() > 1;
  return {.precision = precision,
          .output = last ? Output::kBias : Output::kRelu,
          .keep_mask = !last && product_above ? KeepMask::kYes : KeepMask::kNo,
          .below = layer > 0                 ? Below::kRelu
                   : network_.has_features() ? Below::kInput
                                             : Below::kNothing,
          .mask_below = layer > 0 ? layers_.back().mask() : nullptr};
}

template <class T>
absl::Status Deep<T>::AllocateHidden(BlasLt* blas, Precision precision) {
  for (size_t l = 0; l < hidden(); ++l) {
    ASSIGN_OR_RETURN(LinearLayer<T> layer,
                     LinearLayer<T>::Make(blas, ShapeOf(l), OptionsOf(l, precision)));
    layers_.push_back(std::move(layer));
  }
  return absl::OkStatus();
}

template <class T>
absl::Status Deep<T>::AllocateLast(BlasLt* blas, Precision precision) {
  const size_t last = hidden();
  if (network_.outputs() == 1) {
    ASSIGN_OR_RETURN(output_, OutputLayer<T>::Make(rows_, Width(last)));
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(outputs_,
                   (LinearLayer<T, float>::Make(blas, ShapeOf(last), OptionsOf(last, precision))));
  return absl::OkStatus();
}

template <class T>
absl::Status Deep<T>::AllocateNarrow() {
  narrow_.resize(network_.tables().size());
  for (size_t t = term_.first_table; t < EndOfProductTables(); ++t) {
    ASSIGN_OR_RETURN(narrow_[t], DeviceArray<T>::Make(network_.tables()[t].size));
  }
  if (!outputs_) return absl::OkStatus();
  ASSIGN_OR_RETURN(narrow_d_margin_,
                   DeviceArray<T>::Make(size_t{rows_} * PaddedStride(network_.outputs())));
  return absl::OkStatus();
}

template <class T>
DeviceMatrix<T> Deep<T>::View(std::vector<DeviceArray<T>>* arrays, size_t layer) const {
  const uint32_t width = Width(layer);
  return {
      .data = (*arrays)[layer].data(), .rows = rows_, .cols = width, .stride = PaddedStride(width)};
}

// What a product reads of a layer's table.
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
    for (size_t t = term_.first_table; t < EndOfProductTables(); ++t) {
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
absl::Status Deep<T>::Forward(StreamView stream, const StepArrays& step,
                              DeviceMatrix<float> margin) {
  RETURN_IF_ERROR(CastWeights(stream, step));
  RETURN_IF_ERROR(GatherInput<T>(stream, network_.input(), step.features,
                                 {.numeric = step.numeric, .weights = Embedding(step.parameters)},
                                 View(&activations_, 0)));
  for (size_t l = 0; l < hidden(); ++l) {
    RETURN_IF_ERROR(layers_[l].Forward(stream, Input(l),
                                       {.weight = Weights(step, term_.weight_table(l)),
                                        .bias = Weights(step, term_.bias_table(l))},
                                       View(&activations_, l + 1)));
  }
  RETURN_IF_ERROR(ForwardLast(stream, step, margin));
  return pairs_ ? pairs_->Forward(stream, step, Input(0), margin) : absl::OkStatus();
}

template <class T>
absl::Status Deep<T>::ForwardLast(StreamView stream, const StepArrays& step,
                                  DeviceMatrix<float> margin) {
  const size_t weight = term_.weight_table(hidden());
  const float* const bias = step.parameters[term_.bias_table(hidden())];
  if (outputs_) {
    return outputs_->Forward(stream, Input(hidden()),
                             {.weight = Weights(step, weight), .bias = bias}, margin);
  }
  return output_->Forward(stream, Input(hidden()), step.parameters[weight], bias, margin.data);
}

template <class T>
absl::Status Deep<T>::Backward(StreamView stream, const StepArrays& step,
                               DeviceMatrix<const float> d_margin) {
  RETURN_IF_ERROR(BackwardLast(stream, step, d_margin));
  for (size_t l = hidden(); l-- > 0;) {
    RETURN_IF_ERROR(BackwardLayer(stream, step, l, AsConst(Slope(l + 1)), &layers_[l]));
  }
  if (!segment_sum_) return absl::OkStatus();
  return BackwardFeatures(stream, step, d_margin);
}

template <class T>
absl::Status Deep<T>::BackwardLast(StreamView stream, const StepArrays& step,
                                   DeviceMatrix<const float> d_margin) {
  const size_t last = hidden();
  if (outputs_) {
    if constexpr (kNarrow) {
      const CastSegment all{
          .from = d_margin.data, .to = narrow_d_margin_.data(), .count = narrow_d_margin_.size()};
      RETURN_IF_ERROR(CastAsync(stream, {&all, 1}));
      const DeviceMatrix<const T> narrow{narrow_d_margin_.data(), rows_, d_margin.cols,
                                         d_margin.stride};
      return BackwardLayer(stream, step, last, narrow, &*outputs_);
    } else {
      return BackwardLayer(stream, step, last, d_margin, &*outputs_);
    }
  }
  OutputGradients<T> to{.weight = step.gradients[term_.weight_table(last)]};
  if (last > 0) to.bias_below = step.gradients[term_.bias_table(last - 1)];
  if (last > 0 || network_.has_features()) to.x = Slope(last);
  return output_->Backward(stream, Input(last), d_margin.data,
                           step.parameters[term_.weight_table(last)], to);
}

template <class T>
template <class Layer>
absl::Status Deep<T>::BackwardLayer(StreamView stream, const StepArrays& step, size_t number,
                                    DeviceMatrix<const T> dy, Layer* layer) {
  const size_t weight = term_.weight_table(number);
  RETURN_IF_ERROR(layer->BackwardWeights(stream, Input(number), dy, step.gradients[weight]));
  if (number == 0 && !network_.has_features()) return absl::OkStatus();
  InputGradients<T> to{.x = Slope(number)};
  if (number > 0) to.bias_below = step.gradients[term_.bias_table(number - 1)];
  return layer->BackwardInput(stream, dy, Weights(step, weight), Input(number), to);
}

template <class T>
absl::Status Deep<T>::BackwardFeatures(StreamView stream, const StepArrays& step,
                                       DeviceMatrix<const float> d_margin) {
  OccurrenceSlopes<T> slopes{.slope = AsConst(Slope(0)),
                             .first = network_.input().numeric,
                             .step = network_.input().dim,
                             .bag = network_.input().bag};
  if (pairs_) {
    ASSIGN_OR_RETURN(slopes.pairs, pairs_->Backward(stream, step, {Input(0), d_margin}, Slope(0)));
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
