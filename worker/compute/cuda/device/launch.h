// Launches of our kernels: how many blocks and threads, and the launch itself. For .cu files.
//
// Elementwise kernels take one thread an element, in blocks of kBlockThreads; a kernel checks its
// own bound. The sizes are pure functions, tested without a device.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "common/base/status.h"
#include "worker/compute/cuda/device/cuda_status.h"
#include "worker/compute/cuda/device/stream.h"

namespace rubato {

inline constexpr uint32_t kBlockThreads = 256;
inline constexpr uint32_t kWarpThreads = 32;
inline constexpr uint32_t kFullWarp = 0xffffffff;  // the mask of all its threads
// The largest grid.x of every device we build for.
inline constexpr uint64_t kMaxBlocks = (uint64_t{1} << 31) - 1;

struct LaunchShape {
  uint32_t blocks = 0;
  uint32_t threads = kBlockThreads;
};

// At least one thread an item; no blocks for no items.
inline LaunchShape OneThreadEach(uint64_t items, uint32_t threads = kBlockThreads) {
  const uint64_t blocks = (items + threads - 1) / threads;
  CHECK(blocks <= kMaxBlocks);
  return {.blocks = static_cast<uint32_t>(blocks), .threads = threads};
}

// Puts kernel(actual...) on the stream; nothing at all for no blocks.
template <class... Formal, class... Actual>
absl::Status Launch(StreamView stream, LaunchShape shape, void (*kernel)(Formal...),
                    Actual&&... actual) {
  if (shape.blocks == 0) return absl::OkStatus();
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(shape.blocks);
  config.blockDim = dim3(shape.threads);
  config.stream = stream.get();
  RETURN_IF_CUDA_ERROR(
      cudaLaunchKernelEx(&config, kernel, Formal(std::forward<Actual>(actual))...));
  return absl::OkStatus();
}

}  // namespace rubato
