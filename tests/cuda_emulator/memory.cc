#include "tests/cuda_emulator/memory.h"

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "common/base/status.h"
#include "tests/cuda_emulator/api.h"
#include "tests/cuda_emulator/emulator.h"

namespace rubato::emulator {
namespace {

constexpr size_t kRangeBytes = size_t{1} << 38;  // of addresses
// The range is opened and closed as a whole: with large pages in microseconds, else in a
// millisecond for each 10 MB.
constexpr size_t kLargePageBytes = size_t{2} << 20;
constexpr size_t kPageBytes = 4096;
constexpr size_t kAlignment = 256;

uintptr_t AddressOf(const void* memory) { return reinterpret_cast<uintptr_t>(memory); }

}  // namespace

void Poison(void* memory, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) {
    static_cast<unsigned char*>(memory)[i] = static_cast<unsigned char>(kPoison >> 8 * (i % 2));
  }
}

Memory::Memory() {
  void* const range = mmap(nullptr, kRangeBytes + kLargePageBytes, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(range != MAP_FAILED, "no addresses for the memory of the emulated device");
  range_ = static_cast<char*>(range) + (kLargePageBytes - AddressOf(range) % kLargePageBytes);
  static_cast<void>(madvise(range_, kRangeBytes, MADV_HUGEPAGE));  // not every system has them
}

void* Memory::AllocateDevice(size_t bytes) {
  if (live_bytes_ > limit || bytes > limit - live_bytes_) return nullptr;
  // One page stays unused behind each.
  const size_t taken = (bytes + 2 * kPageBytes - 1) / kPageBytes * kPageBytes;
  if (taken > kRangeBytes - used_) return nullptr;
  char* const memory = range_ + used_;
  used_ += taken;
  Open();
  ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
  Poison(memory, bytes);
  ASAN_POISON_MEMORY_REGION(memory + bytes, taken - bytes);
  Close();
  live_bytes_ += bytes;
  allocations_[AddressOf(memory)] = {.kind = MemoryKind::kDevice, .bytes = bytes};
  return memory;
}

void* Memory::AllocatePinned(size_t bytes) {
  void* memory = nullptr;
  if (posix_memalign(&memory, kAlignment, bytes) != 0) return nullptr;
  Poison(memory, bytes);
  allocations_[AddressOf(memory)] = {.kind = MemoryKind::kPinned, .bytes = bytes};
  return memory;
}

bool Memory::Free(MemoryKind kind, void* memory) {
  const auto found = allocations_.find(AddressOf(memory));
  if (found == allocations_.end() || found->second.kind != kind) return false;
  if (kind == MemoryKind::kPinned) {
    std::free(memory);
  } else {
    const size_t bytes = found->second.bytes;
    live_bytes_ -= bytes;
    ASAN_POISON_MEMORY_REGION(memory, bytes);
    if (live_bytes_ == 0) Restart();
  }
  allocations_.erase(found);
  return true;
}

bool Memory::Find(const void* memory, size_t bytes, MemoryKind* kind) const {
  const uintptr_t address = AddressOf(memory);
  auto next = allocations_.upper_bound(address);
  if (next != allocations_.begin()) {
    const auto& [start, allocation] = *--next;
    if (address < start + allocation.bytes) {
      *kind = allocation.kind;
      return bytes <= start + allocation.bytes - address;
    }
  }
  *kind = MemoryKind::kPageable;
  return address < AddressOf(range_) || address >= AddressOf(range_) + kRangeBytes;
}

// In whole large pages: a part of one would make it many small ones.
size_t Memory::UsedPages() const {
  return (used_ + kLargePageBytes - 1) / kLargePageBytes * kLargePageBytes;
}

// Nobody has device memory, so nobody has an address of it.
void Memory::Restart() {
  CHECK(madvise(range_, UsedPages(), MADV_DONTNEED) == 0);
  used_ = 0;
}

void Memory::Protect(int protection) {
  if (used_ > 0) CHECK(mprotect(range_, UsedPages(), protection) == 0);
}

void Memory::Open() {
  if (opened_++ == 0) Protect(PROT_READ | PROT_WRITE);
}

void Memory::Close() {
  if (--opened_ == 0) Protect(PROT_NONE);
}

}  // namespace rubato::emulator
