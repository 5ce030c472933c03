#include "worker/compute/cuda/device/gpus.h"

#include <cuda_runtime_api.h>

#include "common/base/status.h"
#include "worker/compute/cuda/device/cuda_status.h"

namespace rubato {
namespace {

// The oldest architecture that we compile for.
constexpr int kLeastMajor = 8;

absl::StatusOr<GpuInfo> Describe(int gpu) {
  cudaDeviceProp properties{};
  RETURN_IF_CUDA_ERROR(cudaGetDeviceProperties(&properties, gpu));
  return GpuInfo{.name = properties.name,
                 .major = properties.major,
                 .minor = properties.minor,
                 .memory_bytes = properties.totalGlobalMem};
}

}  // namespace

absl::StatusOr<std::vector<GpuInfo>> FindGpus() {
  int count = 0;
  const cudaError_t code = cudaGetDeviceCount(&count);
  if (code != cudaSuccess || count == 0) {
    static_cast<void>(cudaGetLastError());
    return absl::UnavailableError(
        absl::StrFormat("no NVIDIA GPU answers (%s)",
                        cudaGetErrorString(code == cudaSuccess ? cudaErrorNoDevice : code)));
  }
  std::vector<GpuInfo> gpus;
  for (int gpu = 0; gpu < count; ++gpu) {
    ASSIGN_OR_RETURN(gpus.emplace_back(), Describe(gpu));
    if (gpus.back().major >= kLeastMajor) continue;
    return absl::UnavailableError(absl::StrFormat(
        "GPU %d (%s) has compute capability %d.%d, and 8.0 is the least; choose others with "
        "CUDA_VISIBLE_DEVICES",
        gpu, gpus.back().name, gpus.back().major, gpus.back().minor));
  }
  return gpus;
}

absl::StatusOr<uint64_t> FreeBytes(int gpu) {
  RETURN_IF_ERROR(UseGpu(gpu));
  size_t free = 0;
  size_t total = 0;
  RETURN_IF_CUDA_ERROR(cudaMemGetInfo(&free, &total));
  return free;
}

absl::Status UseGpu(int gpu) {
  RETURN_IF_CUDA_ERROR(cudaSetDevice(gpu));
  return absl::OkStatus();
}

}  // namespace rubato
