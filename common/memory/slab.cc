#include "common/memory/slab.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

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
                      .used = 0});
    if (2 * page_rows_ * row_floats_ * sizeof(float) <= kLastPageBytes) page_rows_ *= 2;
  }
  Page& page = pages_.back();
  page.keys[page.used] = key;
  return &page.rows[page.used++ * row_floats_];
}

}  // namespace rubato
