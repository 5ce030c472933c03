#include "worker/compute/cuda/network/gpu_batch.h"

#include <utility>

#include "common/base/status.h"
#include "worker/compute/cuda/kernels/occurrence_keys.h"

namespace rubato {

absl::StatusOr<GpuBatch> GpuBatch::Make(StreamView stream, const NetworkShape& network,
                                        const BatchShape& capacity) {
  ASSIGN_OR_RETURN(BatchBuffers inputs, BatchBuffers::Make(capacity));
  GpuBatch batch(network.ranges(), std::move(inputs));
  ASSIGN_OR_RETURN(batch.host_count_, PinnedArray<uint32_t>::Make(1));
  batch.host_count_[0] = 0;
  ASSIGN_OR_RETURN(batch.count_, DeviceArray<uint32_t>::Make(1));
  const size_t n = batch.occurrences();
  ASSIGN_OR_RETURN(batch.occurrence_keys_, DeviceArray<uint64_t>::Make(n));
  ASSIGN_OR_RETURN(batch.sparse_row_, DeviceArray<uint32_t>::Make(capacity.counts.sparse));
  ASSIGN_OR_RETURN(batch.keys_, DeviceArray<uint64_t>::Make(n));
  ASSIGN_OR_RETURN(batch.positions_, DeviceArray<uint32_t>::Make(n));
  ASSIGN_OR_RETURN(batch.begin_, DeviceArray<uint32_t>::Make(n + 1));
  ASSIGN_OR_RETURN(batch.order_, DeviceArray<uint32_t>::Make(n));
  ASSIGN_OR_RETURN(batch.host_keys_, PinnedArray<uint64_t>::Make(n));
  // What stays so without features.
  RETURN_IF_ERROR(ZeroAsync(stream, batch.count_.data(), 1));
  // FindKeys copies all of it.
  RETURN_IF_ERROR(ZeroAsync(stream, batch.keys_.data(), n));
  return batch;
}

absl::Status GpuBatch::FindSegments(StreamView stream, std::optional<Unique>* unique) {
  if (occurrences() == 0) return absl::OkStatus();
  const RawFeatures raw{.counts = inputs_.shape().counts,
                        .filled = inputs_.filled(),
                        .levels = inputs_.categories(),
                        .row_begin = inputs_.row_begin(),
                        .sparse_key = inputs_.sparse_keys()};
  RETURN_IF_ERROR(FindOccurrenceKeys(
      stream, raw, ranges_, {.keys = occurrence_keys_.data(), .sparse_row = sparse_row_.data()}));
  return (*unique)->Run(stream, occurrence_keys_.data(),
                        {.keys = keys_.data(),
                         .count = count_.data(),
                         .positions = positions_.data(),
                         .begin = begin_.data(),
                         .order = order_.data()});
}

// All of the keys' room is copied: how many there are is not known here yet.
absl::Status GpuBatch::FindKeys(StreamView stream, std::optional<Unique>* unique) {
  if (occurrences() == 0) return absl::OkStatus();
  RETURN_IF_ERROR(FindSegments(stream, unique));
  RETURN_IF_ERROR(CopyAsync(stream, host_count_.data(), count_.data(), 1));
  return CopyAsync(stream, host_keys_.data(), keys_.data(), keys_.size());
}

std::span<const uint64_t> GpuBatch::keys() const { return {host_keys_.data(), host_count_[0]}; }

Features GpuBatch::features() const {
  return {.counts = inputs_.shape().counts,
          .filled = inputs_.filled(),
          .positions = positions_.data(),
          .row_begin = inputs_.row_begin(),
          .sparse_row = sparse_row_.data(),
          .sparse_value = inputs_.sparse_values()};
}

Segments GpuBatch::segments() const {
  return {.capacity = occurrences(),
          .count = count_.data(),
          .begin = begin_.data(),
          .order = order_.data()};
}

}  // namespace rubato
