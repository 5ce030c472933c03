#include "worker/compute/cuda/device/device_memory.h"

namespace rubato {

absl::StatusOr<void*> AllocateMemory(MemoryKind kind, size_t bytes) {
  void* memory = nullptr;
  if (bytes == 0) return memory;
  const cudaError_t code =
      kind == MemoryKind::kDevice ? cudaMalloc(&memory, bytes) : cudaMallocHost(&memory, bytes);
  if (code != cudaErrorMemoryAllocation) {
    RETURN_IF_CUDA_ERROR(code);
    return memory;
  }
  static_cast<void>(cudaGetLastError());
  size_t free = 0;
  size_t total = 0;
  RETURN_IF_CUDA_ERROR(cudaMemGetInfo(&free, &total));
  return absl::ResourceExhaustedError(absl::StrFormat(
      "out of %s memory: %d bytes were asked for (the GPU has %d of %d free); use a smaller "
      "train.batch or model, or fewer workers on one GPU",
      kind == MemoryKind::kDevice ? "GPU" : "pinned host", bytes, free, total));
}

void ReleaseMemory(MemoryKind kind, void* memory) {
  if (memory == nullptr) return;
  static_cast<void>(kind == MemoryKind::kDevice ? cudaFree(memory) : cudaFreeHost(memory));
}

}  // namespace rubato
