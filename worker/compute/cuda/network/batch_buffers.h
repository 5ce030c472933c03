// The inputs of one batch: a block of pinned memory that the host fills, and one of device memory
// with the same layout, so that a batch goes up in one copy.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/compute/cuda/device/device_memory.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/kernels/features.h"
#include "worker/compute/cuda/network/batch_layout.h"
#include "worker/spec/batch.h"

namespace rubato {

class BatchBuffers {
 public:
  static absl::StatusOr<BatchBuffers> Make(const BatchShape& shape);

  const BatchShape& shape() const { return shape_; }
  // Whether `batch` fits; its columns must be those of the shape.
  bool Fits(const Batch& batch) const;
  // Copies the batch to pinned memory and puts its way up on the stream. The last one's must be
  // over.
  absl::Status Upload(StreamView stream, const Batch& batch);

  // Device memory.
  const BatchCounts* filled() const { return At<BatchCounts>(layout_.filled); }
  const float* numeric() const { return At<float>(layout_.numeric); }
  const float* labels() const { return At<float>(layout_.labels); }
  const float* weights() const { return At<float>(layout_.weights); }
  // nullptr without offsets.
  const float* offsets() const { return shape_.has_offsets ? At<float>(layout_.offsets) : nullptr; }
  const uint32_t* categories() const { return At<uint32_t>(layout_.categories); }
  // nullptr without sparse features.
  const uint32_t* row_begin() const { return Sparse<uint32_t>(layout_.row_begin); }
  const uint64_t* sparse_keys() const { return Sparse<uint64_t>(layout_.sparse_keys); }
  const float* sparse_values() const { return Sparse<float>(layout_.sparse_values); }

 private:
  explicit BatchBuffers(const BatchShape& shape) : shape_(shape), layout_(shape) {}
  template <class T>
  const T* At(size_t offset) const {
    return reinterpret_cast<const T*>(device_.data() + offset);
  }
  template <class T>
  const T* Sparse(size_t offset) const {
    return shape_.has_sparse ? At<T>(offset) : nullptr;
  }
  void Fill(const Batch& batch);

  BatchShape shape_;
  BatchLayout layout_;
  PinnedArray<std::byte> host_;
  DeviceArray<std::byte> device_;
};

}  // namespace rubato
