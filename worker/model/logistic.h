// Logistic regression over numeric columns, category levels and sparse features.
//
// Two tables. "weights": sparse, dim 1, first weights zero, one row per feature, in one key space:
//   [0, N)                     numeric column k of N
//   [N, N + levels)            level id - a category is a one-hot feature of value 1
//   [N + levels, + sparse)     sparse (LIBSVM) feature key
// "bias": dense, size 1, without l1 and l2. It is a table of its own, not a reserved key, so that
// penalties leave it alone and a server sees a model's bias like any other dense table.
//
//   margin = bias + sum_k x_k w[k] + sum_c w[N + level_c] + sum_i value_i w[N + levels + key_i]
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "worker/model/model.h"

namespace rubato {

absl::StatusOr<std::unique_ptr<Model>> MakeLogistic(const RunConfig& config,
                                                    const DatasetShape& shape);

}  // namespace rubato
