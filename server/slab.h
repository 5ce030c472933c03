// Memory of tables: aligned, zeroed, in huge pages where it is large.
//
// A random row of a table of gigabytes costs a TLB miss beside its cache miss; 2 MiB pages make
// that rare. RowSlab hands out rows that never move, so growing a table never copies its rows.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <vector>

namespace rubato {

struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};
template <class T>
using SlabArray = std::unique_ptr<T[], FreeMemory>;

// `bytes` zero bytes at a multiple of 64 (of 2 MiB from that size on).
void* AllocateSlab(size_t bytes);

template <class T>
SlabArray<T> MakeSlabArray(size_t count) {
  return SlabArray<T>(static_cast<T*>(AllocateSlab(count * sizeof(T))));
}

// Rows of `row_floats` floats, zero when new, stable until the slab dies.
class RowSlab {
 public:
  explicit RowSlab(size_t row_floats);
  RowSlab(const RowSlab&) = delete;
  RowSlab& operator=(const RowSlab&) = delete;

  float* NewRow();

 private:
  void AddPage();

  size_t stride_;  // floats from row to row
  size_t page_rows_;
  size_t free_rows_ = 0;  // of the last page
  float* next_ = nullptr;
  std::vector<SlabArray<float>> pages_;
};

}  // namespace rubato
