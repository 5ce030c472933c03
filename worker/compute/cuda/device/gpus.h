// The GPUs of this host.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/compute/backend.h"

namespace rubato {

// One at least; Unavailable: no driver, or no GPU. Opens none: a process that uses one GPU takes no
// memory on the others.
absl::StatusOr<std::vector<GpuInfo>> FindGpus();

// Of device memory. Opens the GPU.
absl::StatusOr<uint64_t> FreeBytes(int gpu);

// Makes `gpu` the calling thread's device: what it makes and puts on streams from now on is there.
absl::Status UseGpu(int gpu);

}  // namespace rubato
