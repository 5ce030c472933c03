// Training without servers: the tables live on the device, and a step is one captured graph from
// the keys of a batch to its optimizer steps. The layers are those of a worker of a fleet; only the
// rows of the weights are the tables' own instead of pulled ones.
//
// Two batches take turns: one goes up while the other computes. Nothing waits inside a step.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "worker/compute/backend.h"

namespace rubato {

// First weights are drawn from the run's seed, as the servers draw them.
absl::StatusOr<std::unique_ptr<LocalTraining>> MakeLocalTrainingOnGpu(const GpuModel& model);

}  // namespace rubato
