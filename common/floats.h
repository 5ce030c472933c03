// Floats that are about to be overwritten: a vector whose resize leaves new elements as the memory
// was. A std::vector<float> of 16 MiB, sized and then filled by a copy, writes its memory twice;
// on the data path that second write costs as much as the copy itself.
#pragma once

#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace rubato {

template <class T>
struct UninitializedAllocator : std::allocator<T> {
  template <class U>
  struct rebind {
    using other = UninitializedAllocator<U>;
  };
  // What resize(n) and vector(n) call; everything else constructs from a value.
  template <class U>
  void construct(U* place) {
    ::new (static_cast<void*>(place)) U;
  }
  template <class U, class... Args>
  void construct(U* place, Args&&... args) {
    ::new (static_cast<void*>(place)) U(std::forward<Args>(args)...);
  }
};

using Floats = std::vector<float, UninitializedAllocator<float>>;

}  // namespace rubato
