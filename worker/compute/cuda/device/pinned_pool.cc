#include "worker/compute/cuda/device/pinned_pool.h"

#include <algorithm>
#include <bit>
#include <string>

#include "common/base/status.h"
#include "worker/compute/cuda/device/device_memory.h"
#include "worker/compute/cuda/device/gpus.h"

namespace rubato {
namespace {

constexpr size_t kLeastBytes = 256;

// 2^SizeClass(bytes) is the block that holds `bytes`.
size_t SizeClass(size_t bytes) {
  return static_cast<size_t>(std::bit_width(std::max(bytes, kLeastBytes) - 1));
}

}  // namespace

PinnedPool::~PinnedPool() {
  for (const std::vector<void*>& blocks : free_) {
    for (void* const block : blocks) ReleaseMemory(MemoryKind::kPinned, block);
  }
}

void* PinnedPool::Allocate(size_t bytes) {
  const size_t size_class = SizeClass(bytes);
  {
    MutexLock lock(&mutex_);
    std::vector<void*>& blocks = free_[size_class];
    if (!blocks.empty()) {
      void* const block = blocks.back();
      blocks.pop_back();
      return block;
    }
  }
  // A thread that chose no device would open the host's first.
  const absl::Status there = UseGpu(gpu_);
  CHECK(there.ok(), std::string(there.message()));
  const auto block = AllocateMemory(MemoryKind::kPinned, size_t{1} << size_class);
  CHECK(block.ok(), std::string(block.status().message()));
  return *block;
}

void PinnedPool::Free(void* memory, size_t bytes) {
  MutexLock lock(&mutex_);
  free_[SizeClass(bytes)].push_back(memory);
}

}  // namespace rubato
