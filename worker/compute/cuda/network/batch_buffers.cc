#include "worker/compute/cuda/network/batch_buffers.h"

#include <cstring>
#include <vector>

#include "common/base/status.h"

namespace rubato {
namespace {

template <class T>
void Put(const std::vector<T>& from, std::byte* to) {
  if (!from.empty()) std::memcpy(to, from.data(), from.size() * sizeof(T));
}

}  // namespace

absl::StatusOr<BatchBuffers> BatchBuffers::Make(const BatchShape& shape) {
  BatchBuffers buffers(shape);
  ASSIGN_OR_RETURN(buffers.host_, PinnedArray<std::byte>::Make(buffers.layout_.bytes));
  ASSIGN_OR_RETURN(buffers.device_, DeviceArray<std::byte>::Make(buffers.layout_.bytes));
  // Padding may hold anything, but it is read: nothing there is left unwritten.
  std::memset(buffers.host_.data(), 0, buffers.layout_.bytes);
  return buffers;
}

bool BatchBuffers::Fits(const Batch& batch) const {
  CHECK(batch.numeric_columns == shape_.numeric && batch.category_columns == shape_.counts.columns);
  CHECK(batch.offsets.size() == (shape_.has_offsets ? batch.rows : 0));
  CHECK(shape_.has_sparse ? batch.row_begin.size() == batch.rows + 1 : batch.keys.empty());
  return batch.rows <= shape_.counts.rows && batch.keys.size() <= shape_.counts.sparse;
}

void BatchBuffers::Fill(const Batch& batch) {
  const BatchCounts filled{.rows = static_cast<uint32_t>(batch.rows),
                           .sparse = static_cast<uint32_t>(batch.keys.size())};
  std::memcpy(host_.data() + layout_.filled, &filled, sizeof(filled));
  Put(batch.numeric, host_.data() + layout_.numeric);
  Put(batch.labels, host_.data() + layout_.labels);
  Put(batch.weights, host_.data() + layout_.weights);
  Put(batch.offsets, host_.data() + layout_.offsets);
  Put(batch.categories, host_.data() + layout_.categories);
  if (!shape_.has_sparse) return;
  Put(batch.row_begin, host_.data() + layout_.row_begin);
  Put(batch.keys, host_.data() + layout_.sparse_keys);
  Put(batch.values, host_.data() + layout_.sparse_values);
}

absl::Status BatchBuffers::Upload(StreamView stream, const Batch& batch) {
  CHECK(Fits(batch), "grow the buffers first");
  Fill(batch);
  return CopyAsync(stream, device_.data(), host_.data(), layout_.bytes);
}

}  // namespace rubato
