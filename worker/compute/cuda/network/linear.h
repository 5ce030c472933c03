// A layer of a network on a GPU and its way back: a hidden one, y = relu(x w + b), or one whose
// outputs are margins, y = x w + b or y += x w.
//   x [rows, in], w [in, out], b [out], y [rows, out], all row-major.
// Twins: worker/compute/cpu/linear.h and relu.h.
//
// T is the element of activations, of their slopes and of the weights that a product reads: float
// for f32 and tf32, __nv_bfloat16 for bf16; Y that of y and b, T or, of margins, float. Slopes of
// weights and biases are float. Rows are a capacity: all are computed; a row of padding has finite
// x and slope 0. Every matrix starts at a multiple of 16 bytes; x and y and their slopes have
// strides of multiples of 8 elements (PaddedStride), w has stride `out`, whatever that is.
//
// Where cublasLt can, bias and relu are part of the product ("fused"), and so is the way back
// through the relu below with that layer's bias slope: a layer's activations are then written and
// read once a pass. Where it has no algorithm for that, which Make finds out, the plain product is
// followed by a kernel of our own (relu.h): y is written, read and written. A warning says so once.
//
// Floating-point operations of a batch of 8,192 rows and widths 512-2048-2048-1024-1, each product
// 2 rows in out; all of them fused but dw, which has nothing to fuse:
//                                          512 x 2048   2048 x 2048   2048 x 1024
//   y = relu(x w + b)      kBiasReluMask      17.2 G        68.7 G       34.4 G (kBiasRelu)
//   dw = x^T dy            kNone              17.2 G        68.7 G       34.4 G
//   dx = dy w^T            kReluMaskBiasSums  17.2 G (kNone) 68.7 G      34.4 G
// 361 G in all: at the dense peaks of an H100 SXM (67, 495 and 989 T/s) at least 5.4 ms in f32,
// 0.73 in tf32, 0.36 in bf16. With 10 margins instead of 1 the last layer's three products are of
// 0.17 G each and bound by the bytes of x, 17 MB in bf16, which is read twice and whose slope is
// written: 15 us at 3.35 TB/s. With 1,000 they are of 16.8 G each, and the margins have 33 MB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "worker/compute/cuda/device/blas_lt.h"
#include "worker/compute/cuda/device/device_memory.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/kernels/column_sums.h"
#include "worker/compute/cuda/kernels/features.h"
#include "worker/compute/precision.h"

namespace rubato {

// Elements from row to row of a matrix of this width that a layer reads or writes.
inline constexpr uint32_t kStrideStep = 8;
inline uint32_t PaddedStride(uint32_t width) {
  return (width + kStrideStep - 1) / kStrideStep * kStrideStep;
}

struct LinearShape {
  uint32_t rows = 0;
  uint32_t in = 0;
  uint32_t out = 0;
  uint32_t x_stride = 0;
  uint32_t y_stride = 0;
};

// What becomes of x w on its way to y.
enum class Output {
  kRelu,   // y = relu(x w + b)
  kBias,   // y = x w + b
  kAdded,  // y += x w
};
// Whether Forward keeps a bit an element of where y > 0. Only the layer above asks for it, of a
// relu.
enum class KeepMask { kNo, kYes };
// What made x, and so what becomes of its slope.
enum class Below {
  kNothing,  // nobody wants the slope of x
  kInput,    // the network's input: dx = dy w^T
  kRelu,  // a hidden layer: dx = dy w^T where x > 0, and its column sums, that layer's bias slope
};
enum class Fusion { kWherePossible, kNever };

struct LinearOptions {
  Precision precision = Precision::kF32;
  Output output = Output::kRelu;
  KeepMask keep_mask = KeepMask::kNo;
  Below below = Below::kNothing;
  // LinearLayer::mask() of the hidden layer below, which must outlive this one.
  void* mask_below = nullptr;
  Fusion fusion = Fusion::kWherePossible;
};

template <class T, class Y = T>
struct LayerWeights {
  const T* weight = nullptr;  // [in, out]
  const Y* bias = nullptr;    // [out]; not of kAdded
};

// Where BackwardInput leaves what it makes.
template <class T>
struct InputGradients {
  DeviceMatrix<T> x;            // slope of x [rows, in], stride x_stride
  float* bias_below = nullptr;  // [in]; with a relu below
};

template <class T, class Y = T>
class LinearLayer {
 public:
  static absl::StatusOr<LinearLayer> Make(BlasLt* blas, const LinearShape& shape,
                                          const LinearOptions& options);

  absl::Status Forward(StreamView stream, DeviceMatrix<const T> x,
                       const LayerWeights<T, Y>& weights, DeviceMatrix<Y> y);
  // dw = x^T dy [in, out], dy being the slope of y before its relu: what the layer above made, or
  // the loss.
  absl::Status BackwardWeights(StreamView stream, DeviceMatrix<const T> x, DeviceMatrix<const T> dy,
                               float* dw);
  // x as in Forward.
  absl::Status BackwardInput(StreamView stream, DeviceMatrix<const T> dy, const T* weight,
                             DeviceMatrix<const T> x, const InputGradients<T>& to);

  // Of y > 0, for the layer above; nullptr if it was not asked for or cannot be kept.
  void* mask() { return mask_.data(); }
  bool forward_is_fused() const { return forward_epilogue_ != Epilogue::kNone; }
  bool backward_is_fused() const { return input_epilogue_ == Epilogue::kReluMaskBiasSums; }

 private:
  LinearLayer(const LinearShape& shape, const LinearOptions& options)
      : shape_(shape), options_(options) {}
  absl::Status MakeForward(BlasLt* blas);
  absl::Status MakeBackwardWeights(BlasLt* blas);
  absl::Status MakeBackwardInput(BlasLt* blas);
  absl::Status FusedBackwardInput(StreamView stream, const MatmulPointers& product,
                                  float* bias_below);
  void CheckInput(DeviceMatrix<const T> x) const;
  template <class E>
  void CheckOutput(DeviceMatrix<E> y) const;

  LinearShape shape_;
  LinearOptions options_;
  Epilogue forward_epilogue_ = Epilogue::kNone;
  Epilogue input_epilogue_ = Epilogue::kNone;
  std::optional<MatmulPlan> forward_;
  std::optional<MatmulPlan> weights_;
  std::optional<MatmulPlan> input_;  // but for Below::kNothing
  DeviceArray<std::byte> mask_;
  DeviceArray<T> narrow_bias_below_;  // [in] as cublasLt makes it; bf16 and fused only
  ColumnSums bias_below_sums_;        // with a relu below, not fused
};

}  // namespace rubato
