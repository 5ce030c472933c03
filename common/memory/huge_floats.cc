#include "common/memory/huge_floats.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "common/memory/slab_array.h"

namespace rubato {
namespace {

constexpr size_t kKeptBytes = size_t{1} << 30;  // of all free blocks

// Iterations are of about the same size: blocks are of eight sizes between two powers of two.
size_t BlockBytes(size_t bytes) {
  const size_t step = std::bit_floor(bytes) / 8;
  return (bytes + step - 1) / step * step;
}

}  // namespace

HugeFloats& HugeFloats::Shared() {
  static HugeFloats* const shared = new HugeFloats;
  return *shared;
}

void* HugeFloats::Allocate(size_t bytes) {
  if (bytes < kHugeBytes) return ReserveSlab(bytes);
  const size_t block = BlockBytes(bytes);
  {
    MutexLock lock(&mutex_);
    const auto found = std::ranges::find(free_, block, &std::pair<size_t, void*>::first);
    if (found != free_.end()) {
      void* memory = found->second;
      free_.erase(found);
      free_bytes_ -= block;
      return memory;
    }
  }
  return ReserveSlab(block);
}

void HugeFloats::Free(void* memory, size_t bytes) {
  if (bytes < kHugeBytes) return std::free(memory);
  const size_t block = BlockBytes(bytes);
  std::vector<std::pair<size_t, void*>> beyond;
  {
    MutexLock lock(&mutex_);
    free_.emplace_back(block, memory);
    for (free_bytes_ += block; free_bytes_ > kKeptBytes; free_.erase(free_.begin())) {
      free_bytes_ -= free_.front().first;
      beyond.push_back(free_.front());
    }
  }
  for (const auto& [size, unused] : beyond) std::free(unused);
}

void HugeFloats::Return() {
  std::vector<std::pair<size_t, void*>> unused;
  {
    MutexLock lock(&mutex_);
    unused.swap(free_);
    free_bytes_ = 0;
  }
  for (const auto& [bytes, memory] : unused) std::free(memory);
}

void ResizeFresh(Floats* values, size_t size) {
  const bool heap = values->get_allocator().memory() == nullptr;
  if (heap && size * sizeof(float) >= kHugeBytes) {
    *values = Floats(UninitializedAllocator<float>(&HugeFloats::Shared()));
  }
  values->clear();
  values->resize(size);
}

}  // namespace rubato
