#include "tests/cuda_emulator/memory.h"

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "common/status.h"
#include "tests/cuda_emulator/api.h"
#include "tests/cuda_emulator/emulator.h"

namespace rubato::emulator {
namespace {

constexpr size_t kRangeBytes = size_t{1} << 40;  // of addresses
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
  void* const range =
      mmap(nullptr, kRangeBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(range != MAP_FAILED, "no addresses for the memory of the emulated device");
  range_ = static_cast<char*>(range);
}

void* Memory::AllocateDevice(size_t bytes) {
  if (bytes > limit - live_bytes_) return nullptr;
  // One page stays unused behind each.
  const size_t taken = (bytes + 2 * kPageBytes - 1) / kPageBytes * kPageBytes;
  if (taken > kRangeBytes - used_) return nullptr;
  char* const memory = range_ + used_;
  used_ += taken;
  CHECK(mprotect(memory, taken, PROT_READ | PROT_WRITE) == 0);
  Poison(memory, bytes);
  ASAN_POISON_MEMORY_REGION(memory + bytes, taken - bytes);
  CHECK(mprotect(memory, taken, PROT_NONE) == 0);
  live_bytes_ += bytes;
  allocations_[AddressOf(memory)] = {.place = Place::kDevice, .bytes = bytes};
  return memory;
}

void* Memory::AllocatePinned(size_t bytes) {
  void* memory = nullptr;
  if (posix_memalign(&memory, kAlignment, bytes) != 0) return nullptr;
  Poison(memory, bytes);
  allocations_[AddressOf(memory)] = {.place = Place::kPinned, .bytes = bytes};
  return memory;
}

bool Memory::Free(Place place, void* memory) {
  const auto found = allocations_.find(AddressOf(memory));
  if (found == allocations_.end() || found->second.place != place) return false;
  if (place == Place::kPinned) {
    std::free(memory);
  } else {
    const size_t bytes = found->second.bytes;
    live_bytes_ -= bytes;
    ASAN_POISON_MEMORY_REGION(memory, bytes);
    CHECK(madvise(memory, bytes, MADV_DONTNEED) == 0);
  }
  allocations_.erase(found);
  return true;
}

bool Memory::Find(const void* memory, size_t bytes, Place* place) const {
  const uintptr_t address = AddressOf(memory);
  auto next = allocations_.upper_bound(address);
  if (next != allocations_.begin()) {
    const auto& [start, allocation] = *--next;
    if (address < start + allocation.bytes) {
      *place = allocation.place;
      return bytes <= start + allocation.bytes - address;
    }
  }
  *place = Place::kPageable;
  return address < AddressOf(range_) || address >= AddressOf(range_) + kRangeBytes;
}

void Memory::Open() {
  if (opened_++ == 0 && used_ > 0) CHECK(mprotect(range_, used_, PROT_READ | PROT_WRITE) == 0);
}

void Memory::Close() {
  if (--opened_ == 0 && used_ > 0) CHECK(mprotect(range_, used_, PROT_NONE) == 0);
}

}  // namespace rubato::emulator
