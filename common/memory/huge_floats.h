// Memory of many floats that is needed again and again: the rows and gradients of a large
// iteration. malloc takes blocks of this size anew from the system each time, which clears them,
// and no option makes it keep one. Here one that is freed is kept for the next of about its size,
// up to 1 GiB of them.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/memory/floats.h"

namespace rubato {

// Blocks from this size on: the most that malloc may be told to keep by itself, as
// common/wire/freed_memory.cc tells it.
inline constexpr size_t kHugeBytes = size_t{32} << 20;

// In huge pages, of any thread.
class HugeFloats : public FloatMemory {
 public:
  // The one of this process, which is never destroyed.
  static HugeFloats& Shared();

  void* Allocate(size_t bytes) override;
  void Free(void* memory, size_t bytes) override;
  // Gives what is free back to the system.
  void Return();

 private:
  Mutex mutex_;
  std::vector<std::pair<size_t, void*>> free_ GUARDED_BY(mutex_);  // the oldest first
  size_t free_bytes_ GUARDED_BY(mutex_) = 0;
};

// Gives `values` that size; what is in them is lost. Where they are of the heap, and many, they
// move to HugeFloats.
void ResizeFresh(Floats* values, size_t size);

}  // namespace rubato
