// A model that predicts, and computes gradients one batch at a time, on a GPU: the same tables and
// keys as the CPU's model of that name. Training goes through a pipeline (gpu_pipeline.h).
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "worker/compute/backend.h"
#include "worker/compute/cuda/device/pinned_pool.h"
#include "worker/compute/model.h"

namespace rubato {

// `pool` outlives the model.
absl::StatusOr<std::unique_ptr<Model>> MakeModelOnGpu(const GpuModel& model, PinnedPool* pool);

}  // namespace rubato
