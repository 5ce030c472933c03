// Pinned host memory for the rows that come from and go to the servers, so that the device copies
// them without a stop on the way.
//
// Pinning is slow (about 0.4 s a GiB), so memory that is freed is kept for the next vector of its
// size, rounded up to a power of two: a training that has met its largest batch pins nothing more.
// What is pinned grows to at most twice the bytes that were ever in use at once.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "common/base/mutex.h"
#include "common/memory/floats.h"

namespace rubato {

class PinnedPool : public FloatMemory {
 public:
  // For copies to and from that GPU, whichever thread allocates.
  explicit PinnedPool(int gpu = 0) : gpu_(gpu) {}
  PinnedPool(const PinnedPool&) = delete;
  PinnedPool& operator=(const PinnedPool&) = delete;
  // Every vector must be gone by then.
  ~PinnedPool() override;

  void* Allocate(size_t bytes) override;
  void Free(void* memory, size_t bytes) override;

 private:
  const int gpu_;
  Mutex mutex_;
  std::array<std::vector<void*>, 64> free_ GUARDED_BY(mutex_);  // [k]: blocks of 2^k bytes
};

}  // namespace rubato
