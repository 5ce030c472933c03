// Sums over the rows of a matrix, a column each, in an order that is always the same: no atomics.
//
// Two levels. A kernel cuts the rows in slabs of kSlabRows, whose sums it leaves as partial sums
// (slab.h); Finish adds those up. For [8192, 1024] that is 128 slabs, and 0.5 MB of partial sums
// beside the 16 MB of a bfloat16 matrix.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "worker/compute/cuda/device/device_memory.h"
#include "worker/compute/cuda/device/stream.h"

namespace rubato {

inline constexpr uint32_t kSlabRows = 64;
// Kinds of sums that one kernel makes in one pass.
inline constexpr uint32_t kMaxSumKinds = 2;

// data [kinds, slabs, cols] in device memory.
struct PartialSums {
  float* data = nullptr;
  uint32_t slabs = 0;
  uint32_t cols = 0;
};

class ColumnSums {
 public:
  ColumnSums() = default;
  // For a matrix [rows, cols], neither 0.
  static absl::StatusOr<ColumnSums> Make(uint32_t rows, uint32_t cols, uint32_t kinds);

  // Where a kernel leaves its partial sums, all of them.
  PartialSums partial() { return {partial_.data(), slabs_, cols_}; }
  // first [cols] and second [cols] = the sums of kind 0 and 1; nullptr: there is no kind 1.
  absl::Status Finish(StreamView stream, float* first, float* second);

 private:
  DeviceArray<float> partial_;
  uint32_t slabs_ = 0;
  uint32_t cols_ = 0;
  uint32_t kinds_ = 0;
};

}  // namespace rubato
