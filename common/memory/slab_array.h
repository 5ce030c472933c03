// Memory of tables: aligned, in huge pages where it is large.
//
// A random row of a table of gigabytes costs a TLB miss beside its cache miss; 2 MiB pages make
// that rare.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace rubato {

struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};
template <class T>
using SlabArray = std::unique_ptr<T[], FreeMemory>;

inline constexpr size_t kHugePageBytes = size_t{2} << 20;
// `bytes` bytes of anything, or of zeros, at a multiple of 64 (of 2 MiB from that size on).
void* ReserveSlab(size_t bytes);
void* AllocateSlab(size_t bytes);

template <class T>
SlabArray<T> MakeSlabArray(size_t count) {
  return SlabArray<T>(static_cast<T*>(AllocateSlab(count * sizeof(T))));
}

}  // namespace rubato
