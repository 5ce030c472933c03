// Memory of tables: aligned, zeroed, in huge pages where it is large.
//
// A random row of a table of gigabytes costs a TLB miss beside its cache miss; 2 MiB pages make
// that rare. RowSlab hands out rows that never move, so growing a table never copies its rows.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/memory/frozen_rows.h"
#include "common/memory/unit_marks.h"

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

  // Its row counts as changed.
  float* NewRow(RowKey key);

  // To be called before a row changes, at least for the first time since the last cut.
  void Touch(const float* row);
  // A cut; how many rows have changed since the base.
  uint64_t Cut();
  void SetBase();
  // The rows as they are now. What was frozen before must be closed.
  void Freeze(FrozenExtent extent, FrozenRows* out);

  // Calls visit(key, row) for every row, in the order they were made.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (const Page& page : pages_) {
      for (size_t i = 0; i < page.used; ++i)
        visit(page.keys.get()[i], page.rows.get() + i * row_floats_);
    }
  }

 private:
  struct Page {
    std::shared_ptr<float[]> rows;
    std::shared_ptr<RowKey[]> keys;
    size_t used;
    UnitMarks marks;
    std::shared_ptr<FrozenRun> frozen;  // its rows at the last cut
  };
  Page& PageOf(const float* row);

  size_t row_floats_;
  size_t page_rows_;      // of the next page
  size_t last_rows_ = 0;  // of the last one
  std::vector<Page> pages_;
  std::vector<std::pair<const float*, size_t>> by_address_;  // of a page's rows, its number; sorted
};

}  // namespace rubato
