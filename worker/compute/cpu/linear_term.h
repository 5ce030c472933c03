// First-order part of a margin: one weight per feature, in one key space:
//   [0, N)                     numeric column k of N
//   [N, N + levels)            level id - a category is a one-hot feature of value 1
//   [N + levels, + sparse)     sparse (LIBSVM) feature key
//
//   sum_k x_k w[k] + sum_c w[N + level_c] + sum_i value_i w[N + levels + key_i]
//
// All there is of a logistic regression but its bias, and the wide part of a wide and deep model.
// The weights are the rows of a sparse table of dim 1. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "common/job/table_spec.h"
#include "worker/compute/cpu/linear.h"
#include "worker/compute/model.h"
#include "worker/spec/feature_keys.h"

namespace rubato {

// First weights zero; id and staleness are the caller's.
TableSpec LinearTermTable(std::string name, const OptimizerSpec& optimizer);

class LinearTerm {
 public:
  // InvalidArgument: no features, or keys too large to stand behind the others.
  static absl::StatusOr<LinearTerm> Make(const DatasetShape& shape);

  void FindKeys(const Batch& batch, std::vector<RowKey>* keys);
  // Adds the term to margin[rows]. `weights`: as FindKeys gave them, values filled in.
  void Forward(const Batch& batch, const ParameterRows& weights, Purpose purpose,
               std::span<float> margin);
  // d_weights[keys] += X^T d_margin, for the batch of the last Forward. Those of numeric columns
  // are overwritten.
  void Backward(const Batch& batch, std::span<const float> d_margin, float* d_weights) const;

 private:
  LinearTerm(const DatasetShape& shape, uint64_t key_space);

  size_t numeric_;
  FeatureKeys features_;
};

}  // namespace rubato
