// Logistic regression over numeric columns, category levels and sparse features.
//
// Two tables. "weights": sparse, dim 1, one row per feature (worker/compute/cpu/linear_term.h).
// "bias": dense, size 1, without l1 and l2. It is a table of its own, not a reserved key, so that
// penalties leave it alone and a server sees a model's bias like any other dense table.
//
//   margin = bias + linear term
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "worker/compute/model.h"

namespace rubato {

absl::StatusOr<std::unique_ptr<Model>> MakeLogistic(const RunConfig& config,
                                                    const DatasetShape& shape);

}  // namespace rubato
