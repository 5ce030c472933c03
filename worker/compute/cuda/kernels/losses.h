// Losses and predictions on the device: slopes, the mean loss and the gradient of the outputs'
// bias. Formulas: worker/spec/row_loss.h, joint_loss.h and target.h.
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
#include "worker/spec/joint_loss.h"
#include "worker/spec/target.h"

namespace rubato {

struct LossRows {
  const BatchCounts* filled = nullptr;  // [1]
  DeviceMatrix<const float> margin;     // [rows, outputs]
  const float* label = nullptr;         // [rows]
  const float* weight = nullptr;        // [rows]
  const float* offset = nullptr;        // [rows] added to the one margin; nullptr: nothing is
};

struct LossSlopes {
  DeviceMatrix<float> d_margin;  // [rows, outputs]
  double* loss = nullptr;        // [1] mean over the filled rows of weight * loss
  float* d_bias = nullptr;       // [outputs] sums of d_margin's columns
  double* partials = nullptr;    // [LossPartials(rows, outputs)] for this batch alone
};

size_t LossPartials(uint32_t rows, uint32_t outputs);

// One output, by a loss of worker/spec/row_loss.h.
template <class RowLoss>
absl::Status RowLossAsync(StreamView stream, RowLoss row_loss, const LossRows& rows,
                          const LossSlopes& slopes);
// As many outputs as a loss of worker/spec/joint_loss.h has.
absl::Status JointLossAsync(StreamView stream, const SoftmaxLoss& loss, const LossRows& rows,
                            const LossSlopes& slopes);
absl::Status JointLossAsync(StreamView stream, const QuantileLoss& loss, const LossRows& rows,
                            const LossSlopes& slopes);
// By the loss of a target.
absl::Status TargetLossAsync(StreamView stream, const Target& target, const LossRows& rows,
                             const LossSlopes& slopes);

// prediction[rows, outputs] of a target, from margin[rows, outputs], padded rows and all. Where
// there is one, offset and shift are added to it.
struct PredictionRule {
  Target target;
  float shift = 0.0F;
  const float* offset = nullptr;  // [rows]; nullptr: none
};
absl::Status PredictAsync(StreamView stream, const PredictionRule& rule,
                          DeviceMatrix<const float> margin, float* prediction);

}  // namespace rubato
