#include "common/memory/copy_arena.h"

#include <algorithm>

namespace rubato {
namespace {

constexpr size_t kLineBytes = 64;
// The first one, so that a small table's copies are small, and the largest: a huge page.
constexpr size_t kFirstSlabBytes = size_t{32} << 10;
constexpr size_t kLastSlabBytes = size_t{2} << 20;

}  // namespace

void* CopyArena::Take(size_t bytes) {
  const size_t size = (bytes + kLineBytes - 1) / kLineBytes * kLineBytes;
  while (next_ == 0 || sizes_[next_ - 1] - used_ < size) {
    if (next_ == slabs_.size()) AddSlab(size);
    ++next_;
    used_ = 0;
  }
  void* taken = slabs_[next_ - 1].get() + used_;
  used_ += size;
  return taken;
}

void CopyArena::AddSlab(size_t at_least) {
  const size_t last = sizes_.empty() ? 0 : sizes_.back();
  sizes_.push_back(std::max(at_least, std::clamp(2 * last, kFirstSlabBytes, kLastSlabBytes)));
  slabs_.emplace_back(static_cast<std::byte*>(ReserveSlab(sizes_.back())));
}

void CopyArena::Reset() {
  slabs_.resize(next_);
  sizes_.resize(next_);
  next_ = used_ = 0;
}

}  // namespace rubato
