// Memory of tables: aligned, zeroed, in huge pages where it is large.
//
// A random row of a table of gigabytes costs a TLB miss beside its cache miss; 2 MiB pages make
// that rare. RowSlab hands out rows that never move, so growing a table never copies its rows.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <vector>

#include "common/base/ids.h"

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

// Rows of `row_floats` floats with their keys, zero when new, stable until the slab dies. Keys lie
// apart from rows, so that rows of 16 floats stay on whole cache lines; they are there for
// ForEach, which reads memory in order (through an index it would be 5 times slower).
class RowSlab {
 public:
  explicit RowSlab(size_t row_floats);
  RowSlab(const RowSlab&) = delete;
  RowSlab& operator=(const RowSlab&) = delete;

  float* NewRow(RowKey key);

  // Calls visit(key, row) for every row, in the order they were made.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (const Page& page : pages_) {
      for (size_t i = 0; i < page.used; ++i) visit(page.keys[i], &page.rows[i * row_floats_]);
    }
  }

 private:
  struct Page {
    SlabArray<float> rows;
    SlabArray<RowKey> keys;
    size_t used;
  };

  size_t row_floats_;
  size_t page_rows_;      // of the next page
  size_t last_rows_ = 0;  // of the last one
  std::vector<Page> pages_;
};

}  // namespace rubato
