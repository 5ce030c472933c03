#include "worker/compute/cuda/network/batch_layout.h"

namespace rubato {

BatchLayout::BatchLayout(const BatchShape& shape) {
  const auto add = [this](size_t count, size_t size) {
    const size_t begin = bytes;
    bytes = (bytes + count * size + kArrayAlignment - 1) / kArrayAlignment * kArrayAlignment;
    return begin;
  };
  const size_t rows = shape.counts.rows;
  filled = add(1, sizeof(BatchCounts));
  numeric = add(rows * shape.numeric, sizeof(float));
  labels = add(rows, sizeof(float));
  weights = add(rows, sizeof(float));
  if (shape.has_offsets) offsets = add(rows, sizeof(float));
  categories = add(shape.counts.categories(), sizeof(uint32_t));
  if (!shape.has_sparse) return;
  row_begin = add(rows + 1, sizeof(uint32_t));
  sparse_keys = add(shape.counts.sparse, sizeof(uint64_t));
  sparse_values = add(shape.counts.sparse, sizeof(float));
}

}  // namespace rubato
