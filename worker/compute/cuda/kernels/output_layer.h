// The last layer of a network, of width 1: margin = x w + b, without a relu, and its way back.
//
// As a product it is too thin for tensor cores and bound by memory, so it is not one: the forward
// pass reads x once, and one pass back over x makes the slope of w, the slope of x (through the
// relu below, if there is one) and the bias slope of the layer below.
//
// T, of x and dx, is float or bfloat16; w and all sums are single precision. x and dx are [rows,
// in], start at multiples of 16 bytes and have strides of multiples of 8 elements; w is at a
// multiple of 16 bytes. What is behind their columns is not used, but may be read (x) and written
// (dx). A row of padding has margin slope 0 and finite x. Twin: worker/compute/cpu/linear.h.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/kernels/column_sums.h"
#include "worker/compute/cuda/kernels/features.h"

namespace rubato {

template <class T>
struct OutputGradients {
  float* weight = nullptr;  // [in]
  DeviceMatrix<T> x = {};   // slope of the layer's input; without data: nobody wants it
  // [in] of the layer below, whose relu made x: the slope of x is then 0 where x = 0. nullptr: x is
  // the network's input.
  float* bias_below = nullptr;
};

template <class T>
class OutputLayer {
 public:
  static absl::StatusOr<OutputLayer> Make(uint32_t rows, uint32_t in);

  // margin [rows]; weight [in], bias [1].
  absl::Status Forward(StreamView stream, DeviceMatrix<const T> x, const float* weight,
                       const float* bias, float* margin) const;
  // From d_margin [rows]. The slope of the layer's own bias is the sum of d_margin, which the loss
  // makes.
  absl::Status Backward(StreamView stream, DeviceMatrix<const T> x, const float* d_margin,
                        const float* weight, const OutputGradients<T>& to);

 private:
  OutputLayer(uint32_t rows, uint32_t in) : rows_(rows), in_(in) {}
  uint32_t rows_;
  uint32_t in_;
  ColumnSums sums_;
};

}  // namespace rubato
