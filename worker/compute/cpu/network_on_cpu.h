// A model on the CPU: the terms of its spec one after the other, and the loss.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "worker/compute/model.h"
#include "worker/spec/model_spec.h"

namespace rubato {

// What StartBlas says: there may be no room for it (worker/compute/cpu/blas.h).
absl::StatusOr<std::unique_ptr<Model>> MakeNetworkOnCpu(ModelSpec spec);

}  // namespace rubato
