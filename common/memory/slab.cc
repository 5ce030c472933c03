#include "common/memory/slab.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "common/base/out_of_memory.h"

namespace rubato {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kHugePage = size_t{2} << 20;
// A slab's first page, so that a small table stays small, and the largest one.
constexpr size_t kFirstPageBytes = size_t{64} << 10;
constexpr size_t kLastPageBytes = size_t{16} << 20;

size_t RoundUp(size_t n, size_t to) { return (n + to - 1) / to * to; }

}  // namespace

void* AllocateSlab(size_t bytes) {
  const size_t alignment = bytes >= kHugePage ? kHugePage : kLine;
  const size_t size = RoundUp(std::max(bytes, kLine), alignment);
  void* memory = std::aligned_alloc(alignment, size);
  if (memory == nullptr) OutOfMemory();
  // Advice: where the kernel has no huge pages, small ones are right, only slower.
  if (alignment == kHugePage) madvise(memory, size, MADV_HUGEPAGE);
  std::memset(memory, 0, size);
  return memory;
}

RowSlab::RowSlab(size_t row_floats)
    : row_floats_(row_floats),
      page_rows_(std::max<size_t>(kFirstPageBytes / (sizeof(float) * row_floats), 1)) {}

float* RowSlab::NewRow(RowKey key) {
  if (pages_.empty() || pages_.back().used == last_rows_) {
    last_rows_ = page_rows_;
    pages_.push_back({.rows = MakeSlabArray<float>(last_rows_ * row_floats_),
                      .keys = MakeSlabArray<RowKey>(last_rows_),
                      .used = 0,
                      .marks = UnitMarks(last_rows_),
                      .frozen = nullptr});
    by_address_.emplace_back(pages_.back().rows.get(), pages_.size() - 1);
    std::ranges::sort(by_address_);
    if (2 * page_rows_ * row_floats_ * sizeof(float) <= kLastPageBytes) page_rows_ *= 2;
  }
  Page& page = pages_.back();
  page.keys.get()[page.used] = key;
  page.marks.Touch(page.used);
  return page.rows.get() + page.used++ * row_floats_;
}

RowSlab::Page& RowSlab::PageOf(const float* row) {
  const auto behind = std::ranges::upper_bound(by_address_, std::pair(row, pages_.size()));
  return pages_[std::prev(behind)->second];
}

void RowSlab::Touch(const float* row) {
  Page& page = PageOf(row);
  const size_t number = static_cast<size_t>(row - page.rows.get()) / row_floats_;
  if (page.marks.touched(number)) return;
  page.marks.Touch(number);
  if (page.frozen) page.frozen->Preserve(number);
}

uint64_t RowSlab::Cut() {
  uint64_t changed = 0;
  for (Page& page : pages_) changed += page.marks.Cut();
  return changed;
}

void RowSlab::SetBase() {
  for (Page& page : pages_) page.marks.SetBase();
}

void RowSlab::Freeze(FrozenExtent extent, FrozenRows* out) {
  for (Page& page : pages_) {
    const auto emit = [keys = page.keys, floats = row_floats_](size_t number, const void* memory,
                                                               const RowSink& rows) {
      rows.Add(keys.get()[number], memory, floats);
    };
    page.frozen = std::make_shared<FrozenRun>(
        page.rows, FrozenRun::Shape{row_floats_ * sizeof(float), page.used},
        page.marks.Wanted(extent), emit);
    out->Add(page.frozen);
  }
}

}  // namespace rubato
