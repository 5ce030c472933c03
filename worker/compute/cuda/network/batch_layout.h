// Where the inputs of a batch lie in one block of memory, the same on the host and on the device.
#pragma once

#include <cstddef>
#include <cstdint>

#include "worker/compute/cuda/kernels/features.h"

namespace rubato {

// Capacities of a batch.
struct BatchShape {
  FeatureCounts counts;
  uint32_t numeric = 0;  // numeric columns
  bool has_sparse = false;
  bool has_offsets = false;
  friend bool operator==(const BatchShape&, const BatchShape&) = default;
};

// Bytes from the start of the block to each array; each begins at a multiple of kArrayAlignment.
struct BatchLayout {
  explicit BatchLayout(const BatchShape& shape);
  size_t filled = 0;         // BatchCounts[1]
  size_t numeric = 0;        // float[rows, numeric]
  size_t labels = 0;         // float[rows]
  size_t weights = 0;        // float[rows]
  size_t offsets = 0;        // float[rows]; only with has_offsets
  size_t categories = 0;     // uint32_t[rows, columns]
  size_t row_begin = 0;      // uint32_t[rows + 1]; this and the following: only with has_sparse
  size_t sparse_keys = 0;    // uint64_t[sparse]
  size_t sparse_values = 0;  // float[sparse]
  size_t bytes = 0;
};
inline constexpr size_t kArrayAlignment = 256;

}  // namespace rubato
