#include "common/memory/slab_array.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "common/base/out_of_memory.h"

namespace rubato {
namespace {

constexpr size_t kLine = 64;

size_t RoundUp(size_t n, size_t to) { return (n + to - 1) / to * to; }

}  // namespace

void* ReserveSlab(size_t bytes) {
  const size_t alignment = bytes >= kHugePageBytes ? kHugePageBytes : kLine;
  const size_t size = RoundUp(std::max(bytes, kLine), alignment);
  void* memory = std::aligned_alloc(alignment, size);
  if (memory == nullptr) OutOfMemory();
  // Advice: where the kernel has no huge pages, small ones are right, only slower.
  if (alignment == kHugePageBytes) madvise(memory, size, MADV_HUGEPAGE);
  return memory;
}

void* AllocateSlab(size_t bytes) {
  void* memory = ReserveSlab(bytes);
  std::memset(memory, 0, bytes);
  return memory;
}

}  // namespace rubato
