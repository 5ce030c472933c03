// Arrays in device memory and in pinned host memory, of trivial elements; new elements are left as
// the memory was. Made once and kept: nothing here is called in a step.
//
// An array belongs to the device that is current where it is made. Copies are the caller's, on a
// stream.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/status.h"
#include "worker/compute/cuda/device/cuda_status.h"
#include "worker/compute/cuda/device/stream.h"

namespace rubato {

enum class MemoryKind { kDevice, kPinned };

// nullptr for no bytes. ResourceExhausted says how much was asked for and how much is free.
absl::StatusOr<void*> AllocateMemory(MemoryKind kind, size_t bytes);
void ReleaseMemory(MemoryKind kind, void* memory);

template <MemoryKind kKind, class T>
class MemoryArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  MemoryArray() = default;  // empty
  static absl::StatusOr<MemoryArray> Make(size_t size) {
    ASSIGN_OR_RETURN(void* const memory, AllocateMemory(kKind, size * sizeof(T)));
    MemoryArray array;
    array.data_ = static_cast<T*>(memory);
    array.size_ = size;
    return array;
  }
  MemoryArray(MemoryArray&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MemoryArray& operator=(MemoryArray&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~MemoryArray() { ReleaseMemory(kKind, data_); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  T& operator[](size_t i) requires(kKind == MemoryKind::kPinned) { return data_[i]; }
  const T& operator[](size_t i) const requires(kKind == MemoryKind::kPinned) { return data_[i]; }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

template <class T>
using DeviceArray = MemoryArray<MemoryKind::kDevice, T>;
template <class T>
using PinnedArray = MemoryArray<MemoryKind::kPinned, T>;

// to[0, count) = from[0, count), either way or within the device, once the stream gets there. Host
// memory must be pinned and must stay as it is until then.
template <class T>
absl::Status CopyAsync(StreamView stream, T* to, const T* from, size_t count) {
  if (count == 0) return absl::OkStatus();
  RETURN_IF_CUDA_ERROR(
      cudaMemcpyAsync(to, from, count * sizeof(T), cudaMemcpyDefault, stream.get()));
  return absl::OkStatus();
}

// All bytes zero.
template <class T>
absl::Status ZeroAsync(StreamView stream, T* memory, size_t count) {
  if (count == 0) return absl::OkStatus();
  RETURN_IF_CUDA_ERROR(cudaMemsetAsync(memory, 0, count * sizeof(T), stream.get()));
  return absl::OkStatus();
}

}  // namespace rubato
