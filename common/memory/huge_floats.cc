#include "common/memory/huge_floats.h"

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

#include "common/memory/slab_array.h"

namespace rubato {
namespace {

constexpr size_t kFreshBytes = size_t{32} << 20;  // the most that malloc may be told to keep

}  // namespace

void PreferHugePages(Floats* values) {
  const size_t bytes = values->size() * sizeof(float);
  if (bytes < kFreshBytes || values->get_allocator().memory() != nullptr) return;
  const auto at = reinterpret_cast<uintptr_t>(values->data());
  const uintptr_t begin = (at + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
  const uintptr_t end = (at + bytes) / kHugePageBytes * kHugePageBytes;
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

}  // namespace rubato
