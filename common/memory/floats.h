// Floats that are about to be overwritten: a vector whose resize leaves new elements as the memory
// was. A std::vector<float> of 16 MiB, sized and then filled by a copy, writes its memory twice;
// on the data path that second write costs as much as the copy itself.
//
// Its memory may come from elsewhere than the heap: rows on their way to or from a GPU live in
// pinned memory, where the device can reach them. A vector that is moved takes its memory along; a
// copy is on the heap.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace rubato {

// Where Floats may live. Thread-safe; outlives every vector that uses it.
class FloatMemory {
 public:
  virtual ~FloatMemory() = default;
  // Aligned for any type. Never null: ends the process when memory is short, as `new` does.
  virtual void* Allocate(size_t bytes) = 0;
  virtual void Free(void* memory, size_t bytes) = 0;
};

template <class T>
class UninitializedAllocator {
 public:
  using value_type = T;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;

  UninitializedAllocator() = default;  // the heap
  explicit UninitializedAllocator(FloatMemory* memory) : memory_(memory) {}
  template <class U>
  explicit UninitializedAllocator(const UninitializedAllocator<U>& other)
      : memory_(other.memory()) {}

  T* allocate(size_t n) {
    if (memory_ != nullptr) return static_cast<T*>(memory_->Allocate(n * sizeof(T)));
    return std::allocator<T>().allocate(n);
  }
  void deallocate(T* at, size_t n) {
    if (memory_ != nullptr) return memory_->Free(at, n * sizeof(T));
    std::allocator<T>().deallocate(at, n);
  }
  // What resize(n) and vector(n) call; everything else constructs from a value.
  template <class U>
  void construct(U* at) {
    ::new (static_cast<void*>(at)) U;
  }
  template <class U, class... Args>
  void construct(U* at, Args&&... args) {
    ::new (static_cast<void*>(at)) U(std::forward<Args>(args)...);
  }
  UninitializedAllocator select_on_container_copy_construction() const { return {}; }

  FloatMemory* memory() const { return memory_; }
  friend bool operator==(const UninitializedAllocator& a, const UninitializedAllocator& b) {
    return a.memory_ == b.memory_;
  }

 private:
  FloatMemory* memory_ = nullptr;
};

using Floats = std::vector<float, UninitializedAllocator<float>>;

}  // namespace rubato
