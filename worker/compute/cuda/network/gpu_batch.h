// A batch on the GPU: its inputs, and what is found of its features: their distinct keys, which go
// back to the host, and where each key occurs.
//
// Upload, then FindKeys, on one stream; keys() once that stream was waited for. The arrays keep
// their addresses, so that a captured graph may hold them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/compute/cuda/device/device_memory.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/kernels/features.h"
#include "worker/compute/cuda/kernels/unique.h"
#include "worker/compute/cuda/network/batch_buffers.h"
#include "worker/compute/cuda/network/network_shape.h"

namespace rubato {

class GpuBatch {
 public:
  static absl::StatusOr<GpuBatch> Make(StreamView stream, const NetworkShape& network,
                                       const BatchShape& capacity);

  const BatchBuffers& inputs() const { return inputs_; }
  bool Fits(const Batch& batch) const { return inputs_.Fits(batch); }
  absl::Status Upload(StreamView stream, const Batch& batch) {
    return inputs_.Upload(stream, batch);
  }
  // `unique`: scratch, for batches of this capacity; there if the model has features.
  absl::Status FindKeys(StreamView stream, std::optional<Unique>* unique);
  // The same with the copies to the host left out.
  absl::Status FindSegments(StreamView stream, std::optional<Unique>* unique);

  // Distinct keys, ascending.
  std::span<const uint64_t> keys() const;
  // In device memory: [capacity] distinct keys, of which segments().count are.
  const uint64_t* device_keys() const { return keys_.data(); }
  // [occurrences] in device memory; kNoKey for padding.
  const uint64_t* occurrence_keys() const { return occurrence_keys_.data(); }
  // `positions` are those among the distinct keys.
  Features features() const;
  Segments segments() const;

 private:
  GpuBatch(const FeatureRanges& ranges, BatchBuffers inputs)
      : ranges_(ranges), inputs_(std::move(inputs)) {}
  uint32_t occurrences() const { return inputs_.shape().counts.occurrences(); }

  FeatureRanges ranges_;
  BatchBuffers inputs_;
  DeviceArray<uint64_t> occurrence_keys_;  // [occurrences]
  DeviceArray<uint32_t> sparse_row_;       // [sparse]
  DeviceArray<uint64_t> keys_;             // [occurrences]; distinct ones
  DeviceArray<uint32_t> count_;            // [1]
  DeviceArray<uint32_t> positions_;        // [occurrences]
  DeviceArray<uint32_t> begin_;            // [occurrences + 1]
  DeviceArray<uint32_t> order_;            // [occurrences]
  PinnedArray<uint64_t> host_keys_;        // [occurrences]
  PinnedArray<uint32_t> host_count_;       // [1]
};

}  // namespace rubato
