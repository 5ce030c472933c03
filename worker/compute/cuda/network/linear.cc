#include "worker/compute/cuda/network/linear.h"

#include <cuda_bf16.h>

#include <mutex>
#include <type_traits>

#include "common/base/log.h"
#include "common/base/status.h"
#include "worker/compute/cuda/kernels/cast.h"
#include "worker/compute/cuda/kernels/relu.h"

namespace rubato {
namespace {

template <class T>
constexpr bool kNarrow = std::is_same_v<T, __nv_bfloat16>;

Epilogue FusedEpilogue(const LinearOptions& options) {
  switch (options.output) {
    case Output::kRelu:
      return options.keep_mask == KeepMask::kYes ? Epilogue::kBiasReluMask : Epilogue::kBiasRelu;
    case Output::kBias:
      return Epilogue::kBias;
    case Output::kAdded:
      return Epilogue::kNone;
  }
  CHECK(false);
}

// y = x w becomes what the layer says, where the product did not make it.
template <class T>
absl::Status AddBias(StreamView stream, Output output, const T* bias, DeviceMatrix<T> y) {
  if (output == Output::kRelu) return AddBiasReluAsync(stream, bias, y);
  if constexpr (!kNarrow<T>) {
    if (output == Output::kBias) return AddBiasAsync(stream, bias, y);
  }
  return absl::OkStatus();
}

// Once a process: a network asks for many.
void SayNotFused(const absl::Status& why) {
  static std::once_flag said;
  std::call_once(said, [&why] {
    LogWarning(absl::StrCat("products run without bias and relu in them, which is slower: ",
                            why.message()));
  });
}

// The plan with the spec's epilogue, or, if cublasLt has none that runs, without any; *epilogue
// says which.
absl::StatusOr<MatmulPlan> PlanWithEpilogue(BlasLt* blas, MatmulSpec spec, Epilogue* epilogue) {
  absl::StatusOr<MatmulPlan> plan = MatmulPlan::Make(blas, spec);
  if (!plan.ok() && spec.epilogue != Epilogue::kNone) {
    SayNotFused(plan.status());
    spec.epilogue = Epilogue::kNone;
    plan = MatmulPlan::Make(blas, spec);
  }
  *epilogue = spec.epilogue;
  return plan;
}

}  // namespace

template <class T, class Y>
absl::StatusOr<LinearLayer<T, Y>> LinearLayer<T, Y>::Make(BlasLt* blas, const LinearShape& shape,
                                                          const LinearOptions& options) {
  CHECK(kNarrow<T> == (options.precision == Precision::kBf16));
  CHECK(options.output == Output::kRelu || !kNarrow<Y>);
  CHECK(shape.x_stride % kStrideStep == 0 && shape.y_stride % kStrideStep == 0);
  LinearLayer layer(shape, options);
  RETURN_IF_ERROR(layer.MakeForward(blas));
  RETURN_IF_ERROR(layer.MakeBackwardWeights(blas));
  if (options.below != Below::kNothing) RETURN_IF_ERROR(layer.MakeBackwardInput(blas));
  return layer;
}

template <class T, class Y>
absl::Status LinearLayer<T, Y>::MakeForward(BlasLt* blas) {
  MatmulSpec spec{.precision = options_.precision,
                  .rows = shape_.rows,
                  .cols = shape_.out,
                  .inner = shape_.in,
                  .a = {.stride = shape_.x_stride},
                  .b = {.stride = shape_.out},
                  .d_stride = shape_.y_stride,
                  .d_element = kNarrow<Y> ? Element::kBf16 : Element::kF32,
                  .adds = options_.output == Output::kAdded};
  if (options_.fusion == Fusion::kWherePossible) spec.epilogue = FusedEpilogue(options_);
  ASSIGN_OR_RETURN(forward_, PlanWithEpilogue(blas, spec, &forward_epilogue_));
  if (forward_epilogue_ != Epilogue::kBiasReluMask) return absl::OkStatus();
  ASSIGN_OR_RETURN(mask_, DeviceArray<std::byte>::Make(MaskBytes(shape_.rows, shape_.out)));
  // The way back reads bits behind the columns along with them, which nobody writes.
  ASSIGN_OR_RETURN(const Stream stream, Stream::Make());
  RETURN_IF_ERROR(ZeroAsync(stream.view(), mask_.data(), mask_.size()));
  return stream.Wait();
}

template <class T, class Y>
absl::Status LinearLayer<T, Y>::MakeBackwardWeights(BlasLt* blas) {
  ASSIGN_OR_RETURN(
      weights_,
      MatmulPlan::Make(blas, {.precision = options_.precision,
                              .rows = shape_.in,
                              .cols = shape_.out,
                              .inner = shape_.rows,
                              .a = {.stride = shape_.x_stride, .transpose = Transpose::kYes},
                              .b = {.stride = shape_.y_stride},
                              .d_stride = shape_.out}));
  return absl::OkStatus();
}

template <class T, class Y>
absl::Status LinearLayer<T, Y>::MakeBackwardInput(BlasLt* blas) {
  MatmulSpec spec{.precision = options_.precision,
                  .rows = shape_.rows,
                  .cols = shape_.in,
                  .inner = shape_.out,
                  .a = {.stride = shape_.y_stride},
                  .b = {.stride = shape_.out, .transpose = Transpose::kYes},
                  .d_stride = shape_.x_stride,
                  .d_element = kNarrow<T> ? Element::kBf16 : Element::kF32};
  const bool relu = options_.below == Below::kRelu;
  if (relu && options_.mask_below != nullptr && options_.fusion == Fusion::kWherePossible) {
    spec.epilogue = Epilogue::kReluMaskBiasSums;
  }
  ASSIGN_OR_RETURN(input_, PlanWithEpilogue(blas, spec, &input_epilogue_));
  if (backward_is_fused() && kNarrow<T>) {
    ASSIGN_OR_RETURN(narrow_bias_below_, DeviceArray<T>::Make(shape_.in));
  } else if (relu && !backward_is_fused()) {
    ASSIGN_OR_RETURN(bias_below_sums_, ColumnSums::Make(shape_.rows, shape_.in, 1));
  }
  return absl::OkStatus();
}

template <class T, class Y>
absl::Status LinearLayer<T, Y>::Forward(StreamView stream, DeviceMatrix<const T> x,
                                        const LayerWeights<T, Y>& weights, DeviceMatrix<Y> y) {
  CheckInput(x);
  CheckOutput(y);
  // cublasLt takes a bias to read and one to write by the same attribute; this one is read.
  Y* const bias = forward_is_fused() ? const_cast<Y*>(weights.bias) : nullptr;
  RETURN_IF_ERROR(forward_->Run(
      stream, {.a = x.data, .b = weights.weight, .d = y.data, .bias = bias, .mask = mask_.data()}));
  if (forward_is_fused()) return absl::OkStatus();
  return AddBias(stream, options_.output, weights.bias, y);
}

template <class T, class Y>
absl::Status LinearLayer<T, Y>::BackwardWeights(StreamView stream, DeviceMatrix<const T> x,
                                                DeviceMatrix<const T> dy, float* dw) {
  CheckInput(x);
  CheckOutput(dy);
  return weights_->Run(stream, {.a = x.data, .b = dy.data, .d = dw});
}

template <class T, class Y>
absl::Status LinearLayer<T, Y>::BackwardInput(StreamView stream, DeviceMatrix<const T> dy,
                                              const T* weight, DeviceMatrix<const T> x,
                                              const InputGradients<T>& to) {
  CHECK(options_.below != Below::kNothing);
  CheckOutput(dy);
  CheckInput(to.x);
  const MatmulPointers product{.a = dy.data, .b = weight, .d = to.x.data};
  if (backward_is_fused()) return FusedBackwardInput(stream, product, to.bias_below);
  RETURN_IF_ERROR(input_->Run(stream, product));
  if (options_.below == Below::kInput) return absl::OkStatus();
  CheckInput(x);
  return ReluBackwardAsync(stream, x, to.x, to.bias_below, &bias_below_sums_);
}

template <class T, class Y>
absl::Status LinearLayer<T, Y>::FusedBackwardInput(StreamView stream, const MatmulPointers& product,
                                                   float* bias_below) {
  MatmulPointers pointers = product;
  pointers.mask = options_.mask_below;
  if constexpr (kNarrow<T>) {
    pointers.bias = narrow_bias_below_.data();
    RETURN_IF_ERROR(input_->Run(stream, pointers));
    return WidenAsync(stream, narrow_bias_below_.data(), bias_below, shape_.in);
  } else {
    pointers.bias = bias_below;
    return input_->Run(stream, pointers);
  }
}

template <class T, class Y>
void LinearLayer<T, Y>::CheckInput(DeviceMatrix<const T> x) const {
  CHECK(x.rows == shape_.rows && x.cols == shape_.in && x.stride == shape_.x_stride);
}

template <class T, class Y>
template <class E>
void LinearLayer<T, Y>::CheckOutput(DeviceMatrix<E> y) const {
  CHECK(y.rows == shape_.rows && y.cols == shape_.out && y.stride == shape_.y_stride);
}

template class LinearLayer<float>;
template class LinearLayer<__nv_bfloat16>;
template class LinearLayer<__nv_bfloat16, float>;

}  // namespace rubato
