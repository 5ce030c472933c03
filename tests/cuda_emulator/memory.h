// The memory of the emulated device, and pinned host memory: who has what, and what may be touched
// when.
//
// Device memory is cut in order from one range of addresses, that begins anew once all of it was
// freed. The range is closed to reads and writes unless the device runs. What lies between
// allocations, and what was freed, is poisoned for the address sanitizer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

namespace rubato::emulator {

enum class MemoryKind { kDevice, kPinned, kPageable };

class Memory {
 public:
  Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // nullptr if there is not as much.
  void* AllocateDevice(size_t bytes);
  void* AllocatePinned(size_t bytes);
  // False if `memory` is not the start of an allocation of that kind.
  bool Free(MemoryKind kind, void* memory);

  // Whether [memory, memory + bytes) lies in one allocation, or not in memory of this class at all;
  // `kind` is then which.
  bool Find(const void* memory, size_t bytes, MemoryKind* kind) const;

  void Open();
  void Close();

  size_t limit = size_t{16} << 30;  // of device memory
  size_t live_bytes() const { return live_bytes_; }
  size_t live_allocations() const { return allocations_.size(); }

 private:
  struct Allocation {
    MemoryKind kind;
    size_t bytes;
  };

  size_t UsedPages() const;
  void Restart();
  void Protect(int protection);

  char* range_;
  size_t used_ = 0;  // of the range, freed memory included
  size_t live_bytes_ = 0;
  int opened_ = 0;
  std::map<uintptr_t, Allocation> allocations_;  // by address
};

}  // namespace rubato::emulator
