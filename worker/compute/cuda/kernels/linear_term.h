// First-order part of a margin, one weight a feature, the LinearTerm of worker/spec/model_spec.h:
//
//   margin[r] = bias (or what it was) + sum_k numeric[r, k] w[k] + sum_c w[N + position]
//             + sum_i value_i w[N + position_i]           for N numeric columns
//
// All there is of a sparse logistic regression, and the wide part of a wide and deep model. On the
// way back the slopes of the numeric columns are sums over tiles of rows, and then over the tiles;
// those of the other features a segment sum. The same batch gives the same bits.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/compute/cuda/device/device_memory.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/kernels/features.h"
#include "worker/compute/cuda/kernels/segment_sum.h"

namespace rubato {

// All in device memory.
struct LinearTermSource {
  const float* numeric = nullptr;  // [rows, N]
  const float* weights = nullptr;  // [N + *]; positions count from N on
  const float* bias = nullptr;     // [1]; nullptr: the term is added to margin
};

struct LinearTermSlopes {
  const float* numeric = nullptr;   // [rows, N]
  const float* d_margin = nullptr;  // [rows]
};

// The same of several outputs, without the numeric columns (network/joint_linear_term.h):
//   margin[r] = bias (or what it was) + sum_c w[position] + sum_i value_i w[position_i]
// with rows of as many weights as the margin has columns.
struct FeatureWeights {
  const float* weights = nullptr;  // [*, outputs]
  const float* bias = nullptr;     // [outputs]; nullptr: the term is added to margin
};
absl::Status AddFeatureWeights(StreamView stream, const Features& features,
                               const FeatureWeights& from, DeviceMatrix<float> margin);

// Scratch memory for batches of one size, used by one call at a time.
class DeviceLinearTerm {
 public:
  static absl::StatusOr<DeviceLinearTerm> Make(const FeatureCounts& counts, uint32_t numeric);

  // margin[rows]; rows that the batch does not fill get the bias, or stay as they are.
  absl::Status Forward(StreamView stream, const Features& features, const LinearTermSource& from,
                       float* margin) const;
  // Writes d_weights[0, N + *segments.count), and no more. Positions are not read.
  absl::Status Backward(StreamView stream, const Segments& segments, const Features& features,
                        const LinearTermSlopes& from, float* d_weights);

 private:
  DeviceLinearTerm(const FeatureCounts& counts, uint32_t numeric, SegmentSum segment_sum);
  absl::Status SumNumeric(StreamView stream, const BatchCounts* filled,
                          const LinearTermSlopes& from, float* d_weights);

  FeatureCounts counts_;
  uint32_t numeric_;
  uint32_t tile_rows_;  // rows that are summed at once
  uint32_t tiles_;
  SegmentSum segment_sum_;
  DeviceArray<float> tile_sums_;  // [tiles, numeric]
};

}  // namespace rubato
