// Multi-layer perceptron over numeric columns and embeddings, alone, with a wide part, or with that
// and a factorization machine (worker/spec/mlp_shape.h), on the CPU.
//
// Layers are pure functions (worker/model/layers/); this class owns the memory between them and
// keeps it from batch to batch, so that a step allocates nothing once the largest batch was seen.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "worker/compute/model.h"

namespace rubato {

absl::StatusOr<std::unique_ptr<Model>> MakeMlp(const RunConfig& config, const DatasetShape& shape);

}  // namespace rubato
