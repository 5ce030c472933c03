// The losses of worker/model/layers on the device: slopes, the mean loss and the gradient of the
// output's bias. Formulas: worker/spec/row_loss.h and softmax_loss.h.
//
// The rows of a batch are a capacity, and how many are filled is read from device memory: the mean
// is over those. Padded rows get slopes of 0 and count in nothing, whatever they hold; a batch
// without rows has a loss of 0. What is not a number in a filled row comes out as not a number.
// Sums are made in double precision and a fixed order, so that a batch has one result, to the bit.
// Everything can be captured in a graph; all memory is device memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/kernels/features.h"

namespace rubato {

struct LossRows {
  const BatchCounts* filled = nullptr;  // [1]
  DeviceMatrix<const float> margin;     // [rows, outputs]
  const float* label = nullptr;         // [rows]
  const float* weight = nullptr;        // [rows]
};

struct LossSlopes {
  DeviceMatrix<float> d_margin;  // [rows, outputs]
  double* loss = nullptr;        // [1] mean over the filled rows of weight * loss
  float* d_bias = nullptr;       // [outputs] sums of d_margin's columns
  double* partials = nullptr;    // [LossPartials(rows, outputs)] for this batch alone
};

size_t LossPartials(uint32_t rows, uint32_t outputs);

// One output; labels are 0 or 1.
absl::Status LogisticLoss(StreamView stream, const LossRows& rows, const LossSlopes& slopes);
// One output; labels are counts, offset[rows] the logarithms of exposures.
absl::Status PoissonLoss(StreamView stream, const LossRows& rows, const float* offset,
                         const LossSlopes& slopes);
// One output; the margin is the tau quantile of the label, tau in (0, 1).
absl::Status PinballLoss(StreamView stream, const LossRows& rows, float tau,
                         const LossSlopes& slopes);
// An output a class; labels are numbers of classes.
absl::Status SoftmaxLoss(StreamView stream, const LossRows& rows, const LossSlopes& slopes);

// probability[rows] = 1 / (1 + exp(-margin[rows, 1])), padded rows and all.
absl::Status SigmoidAsync(StreamView stream, DeviceMatrix<const float> margin, float* probability);

}  // namespace rubato
