// The GPUs of this host.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/compute/backend.h"

namespace rubato {

// One at least; Unavailable: no driver, or no GPU.
absl::StatusOr<std::vector<GpuInfo>> FindGpus();

// Makes `gpu` the calling thread's device: what it makes and puts on streams from now on is there.
absl::Status UseGpu(int gpu);

}  // namespace rubato
