// The linear term of several outputs on a GPU (worker/spec/model_spec.h): a row of weights a
// feature, a weight for each margin. With numeric columns x [rows, N], weights w [N + *, outputs],
//
//   margin[r] = bias (or what it was) + x w[0, N) + sum_c w[N + position]
//             + sum_i value_i w[N + position_i]
//
// On the way back the slopes of the numeric columns are x^T d_margin, those of the others a segment
// sum, to which every occurrence brings its row of d_margin. The same batch gives the same bits.
//
// Numeric columns are products, for which they are laid out anew: padded rows as zeros, the others
// at multiples of 32 bytes. In single precision whatever the run's, as the term of one output is:
// with 8,192 rows of 13 columns and 10 outputs bound by bytes, 0.5 MB of margins read and written
// and as many of x; with 300 columns and 1,000 outputs by 4.9 Gflop each way, 73 us at 67 T/s.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/compute/cuda/device/blas_lt.h"
#include "worker/compute/cuda/device/device_memory.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/kernels/linear_term.h"
#include "worker/compute/cuda/kernels/segment_sum.h"
#include "worker/compute/cuda/network/linear.h"

namespace rubato {

// Scratch memory for batches of one size, used by one call at a time.
class JointLinearTerm {
 public:
  // `blas` outlives it.
  static absl::StatusOr<JointLinearTerm> Make(BlasLt* blas, const FeatureCounts& counts,
                                              uint32_t numeric, uint32_t outputs);

  // margin [rows, outputs], of a layer's stride; rows that the batch does not fill get the bias, or
  // stay as they are. from.numeric [rows, N], from.weights [N + *, outputs], from.bias [outputs].
  absl::Status Forward(StreamView stream, const Features& features, const LinearTermSource& from,
                       DeviceMatrix<float> margin);
  // The batch of the last Forward. Writes the rows [0, N + *segments.count) of d_weights, and no
  // others.
  absl::Status Backward(StreamView stream, const Segments& segments, const Features& features,
                        DeviceMatrix<const float> d_margin, float* d_weights);

 private:
  JointLinearTerm(const FeatureCounts& counts, uint32_t numeric, uint32_t outputs,
                  SegmentSum segment_sum);
  absl::Status AllocateNumeric(BlasLt* blas);
  absl::Status AddNumeric(StreamView stream, const Features& features, const LinearTermSource& from,
                          DeviceMatrix<float> margin);
  DeviceMatrix<float> Numeric();

  FeatureCounts counts_;
  uint32_t numeric_;
  uint32_t outputs_;
  SegmentSum segment_sum_;
  // With numeric columns:
  std::optional<LinearLayer<float>> product_;
  DeviceArray<float> x_;  // [rows, stride]
};

}  // namespace rubato
