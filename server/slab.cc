#include "server/slab.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "common/status.h"

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
  CHECK(memory != nullptr, "out of memory for a table");
  // Advice: where the kernel has no huge pages, small ones are right, only slower.
  if (alignment == kHugePage) madvise(memory, size, MADV_HUGEPAGE);
  std::memset(memory, 0, size);
  return memory;
}

RowSlab::RowSlab(size_t row_floats)
    : stride_(row_floats), page_rows_(std::max<size_t>(kFirstPageBytes / (4 * row_floats), 1)) {}

float* RowSlab::NewRow() {
  if (free_rows_ == 0) AddPage();
  float* row = next_;
  next_ += stride_;
  --free_rows_;
  return row;
}

void RowSlab::AddPage() {
  pages_.push_back(MakeSlabArray<float>(page_rows_ * stride_));
  next_ = pages_.back().get();
  free_rows_ = page_rows_;
  if (2 * page_rows_ * stride_ * sizeof(float) <= kLastPageBytes) page_rows_ *= 2;
}

}  // namespace rubato
