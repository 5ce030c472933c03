// Rows that never move, so that growing a table never copies them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/memory/frozen_rows.h"
#include "common/memory/slab_array.h"
#include "common/memory/unit_marks.h"

namespace rubato {

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
  // Somewhat before Touch: what that reads is on its way then.
  void PrefetchTouch(const float* row) const;
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
    size_t floats;  // of rows
    size_t used;    // rows
    UnitMarks marks;
    std::shared_ptr<FrozenRun> frozen;  // its rows at the last cut
  };
  // What a huge page of memory belongs to.
  struct HugePage {
    uintptr_t number = 0;  // of its address; 0: none
    size_t page = 0;
  };
  void RegisterLast();
  void AddHugePage(HugePage added);
  // The number of the page that has the row.
  size_t PageOf(const float* row) const;
  size_t NumberIn(const Page& page, const float* row) const {
    return static_cast<size_t>(row - page.rows.get()) / row_floats_;
  }

  size_t row_floats_;
  size_t page_rows_;      // of the next page
  size_t last_rows_ = 0;  // of the last one
  std::vector<Page> pages_;
  // Which page has the rows at an address: by huge page, of pages that have whole ones (an open
  // hash table of more than twice their number); the others are the first pages, one by one.
  std::vector<HugePage> huge_pages_;
  size_t huge_pages_used_ = 0;
};

}  // namespace rubato
