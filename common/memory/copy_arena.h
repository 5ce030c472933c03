// Memory for copies of rows that are made one by one and given back together. Of one thread.
#pragma once

#include <cstddef>
#include <vector>

#include "common/memory/slab_array.h"

namespace rubato {

class CopyArena {
 public:
  // Uninitialised, at a multiple of 64 bytes.
  void* Take(size_t bytes);
  // All of it is free again. What was taken since the last time is kept: fresh memory costs more
  // than the copies, as the system clears it.
  void Reset();

 private:
  void AddSlab(size_t at_least);

  std::vector<SlabArray<std::byte>> slabs_;
  std::vector<size_t> sizes_;  // of slabs_
  size_t next_ = 0;            // slab behind the one that is taken from
  size_t used_ = 0;            // of that
};

}  // namespace rubato
