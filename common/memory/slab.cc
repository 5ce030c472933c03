#include "common/memory/slab.h"

#include <algorithm>
#include <bit>

namespace rubato {
namespace {

// A slab's first page, so that a small table stays small, and the largest one.
constexpr size_t kFirstPageBytes = size_t{64} << 10;
constexpr size_t kLastPageBytes = size_t{16} << 20;

}  // namespace

RowSlab::RowSlab(size_t row_floats)
    : row_floats_(row_floats),
      page_rows_(std::max<size_t>(kFirstPageBytes / (sizeof(float) * row_floats), 1)) {}

float* RowSlab::NewRow(RowKey key) {
  if (pages_.empty() || pages_.back().used == last_rows_) {
    last_rows_ = page_rows_;
    pages_.push_back({.rows = MakeSlabArray<float>(last_rows_ * row_floats_),
                      .keys = MakeSlabArray<RowKey>(last_rows_),
                      .floats = last_rows_ * row_floats_,
                      .used = 0,
                      .marks = UnitMarks(last_rows_),
                      .frozen = nullptr});
    RegisterLast();
    if (2 * page_rows_ * row_floats_ * sizeof(float) <= kLastPageBytes) page_rows_ *= 2;
  }
  Page& page = pages_.back();
  page.keys.get()[page.used] = key;
  page.marks.Touch(page.used);
  return page.rows.get() + page.used++ * row_floats_;
}

void RowSlab::RegisterLast() {
  const Page& page = pages_.back();
  const size_t bytes = page.floats * sizeof(float);
  if (bytes < kHugePageBytes) return;
  const auto first = std::bit_cast<uintptr_t>(page.rows.get()) / kHugePageBytes;
  for (size_t i = 0; i * kHugePageBytes < bytes; ++i) AddHugePage({first + i, pages_.size() - 1});
}

void RowSlab::AddHugePage(HugePage added) {
  if (2 * (huge_pages_used_ + 1) > huge_pages_.size()) {
    const auto before = std::exchange(
        huge_pages_, std::vector<HugePage>(std::max<size_t>(2 * huge_pages_.size(), 16)));
    huge_pages_used_ = 0;
    for (const HugePage& page : before) {
      if (page.number != 0) AddHugePage(page);
    }
  }
  const size_t mask = huge_pages_.size() - 1;
  size_t i = added.number & mask;
  while (huge_pages_[i].number != 0) i = (i + 1) & mask;
  huge_pages_[i] = added;
  ++huge_pages_used_;
}

size_t RowSlab::PageOf(const float* row) const {
  const auto number = std::bit_cast<uintptr_t>(row) / kHugePageBytes;
  const size_t mask = huge_pages_.size() - 1;
  if (!huge_pages_.empty()) {
    for (size_t i = number & mask; huge_pages_[i].number != 0; i = (i + 1) & mask) {
      if (huge_pages_[i].number == number) return huge_pages_[i].page;
    }
  }
  const auto has = [row](const Page& page) {
    return row >= page.rows.get() && row < page.rows.get() + page.floats;
  };
  return static_cast<size_t>(std::ranges::find_if(pages_, has) - pages_.begin());
}

void RowSlab::PrefetchTouch(const float* row) const {
  const Page& page = pages_[PageOf(row)];
  const size_t number = NumberIn(page, row);
  page.marks.Prefetch(number);
  if (page.frozen) page.frozen->PrefetchBlock(number);
}

void RowSlab::Touch(const float* row) {
  Page& page = pages_[PageOf(row)];
  const size_t number = NumberIn(page, row);
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
