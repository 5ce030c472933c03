#include "worker/compute/cuda/network/joint_linear_term.h"

#include <utility>

#include "common/base/status.h"
#include "worker/compute/cuda/kernels/gather_input.h"

namespace rubato {

JointLinearTerm::JointLinearTerm(const FeatureCounts& counts, uint32_t numeric, uint32_t outputs,
                                 SegmentSum segment_sum)
    : counts_(counts), numeric_(numeric), outputs_(outputs), segment_sum_(std::move(segment_sum)) {}

absl::StatusOr<JointLinearTerm> JointLinearTerm::Make(BlasLt* blas, const FeatureCounts& counts,
                                                      uint32_t numeric, uint32_t outputs) {
  ASSIGN_OR_RETURN(SegmentSum segment_sum, SegmentSum::Make(counts.occurrences(), outputs));
  JointLinearTerm term(counts, numeric, outputs, std::move(segment_sum));
  if (numeric > 0) RETURN_IF_ERROR(term.AllocateNumeric(blas));
  return term;
}

absl::Status JointLinearTerm::AllocateNumeric(BlasLt* blas) {
  const LinearShape shape{.rows = counts_.rows,
                          .in = numeric_,
                          .out = outputs_,
                          .x_stride = PaddedStride(numeric_),
                          .y_stride = PaddedStride(outputs_)};
  ASSIGN_OR_RETURN(x_, DeviceArray<float>::Make(size_t{shape.rows} * shape.x_stride));
  ASSIGN_OR_RETURN(product_, LinearLayer<float>::Make(blas, shape, {.output = Output::kAdded}));
  return absl::OkStatus();
}

DeviceMatrix<float> JointLinearTerm::Numeric() {
  return {x_.data(), counts_.rows, numeric_, PaddedStride(numeric_)};
}

absl::Status JointLinearTerm::Forward(StreamView stream, const Features& features,
                                      const LinearTermSource& from, DeviceMatrix<float> margin) {
  CHECK(features.counts == counts_);
  const float* const weights = from.weights + size_t{numeric_} * outputs_;
  RETURN_IF_ERROR(
      AddFeatureWeights(stream, features, {.weights = weights, .bias = from.bias}, margin));
  return product_ ? AddNumeric(stream, features, from, margin) : absl::OkStatus();
}

absl::Status JointLinearTerm::AddNumeric(StreamView stream, const Features& features,
                                         const LinearTermSource& from, DeviceMatrix<float> margin) {
  const Features no_others{.counts = {.rows = counts_.rows}, .filled = features.filled};
  RETURN_IF_ERROR(GatherInput<float>(stream, {.numeric = numeric_, .width = numeric_}, no_others,
                                     {.numeric = from.numeric}, Numeric()));
  return product_->Forward(stream, Numeric(), {.weight = from.weights}, margin);
}

absl::Status JointLinearTerm::Backward(StreamView stream, const Segments& segments,
                                       const Features& features, DeviceMatrix<const float> d_margin,
                                       float* d_weights) {
  CHECK(features.counts == counts_);
  if (product_) {
    RETURN_IF_ERROR(product_->BackwardWeights(stream, Numeric(), d_margin, d_weights));
  }
  return segment_sum_.Run<float>(stream, segments, features, {.slope = d_margin},
                                 d_weights + size_t{numeric_} * outputs_);
}

}  // namespace rubato
