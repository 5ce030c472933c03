// Area under the ROC curve of scores in device memory: P(score of a positive > score of a
// negative), ties count one half, as Auc() of worker/evaluate/ranking.h defines it.
//
// The rows are sorted by score; everything after that is whole numbers, so that the area is exact
// but for its one division. In sorted order a row's group of equal scores begins at some row g, and
//   pairs won - pairs lost = sum over positives of (negatives before g)
//                          - sum over negatives of (positives before g),
//   area = (1 + (won - lost) / (positives * negatives)) / 2.
//
// One batch or data set at a time; can be captured in a graph.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/compute/cuda/device/device_memory.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/kernels/metrics.h"

namespace rubato {

struct RocAreaResult {
  double area = 0.0;  // NaN without rows of both classes, or with scores that are not finite
  int64_t positives = 0;
  int64_t negatives = 0;
  int64_t not_finite = 0;  // scores
};

// Rows of each class.
struct RocRows {
  int64_t positives;
  int64_t negatives;
};

// What a stretch of the sorted rows adds, in terms of what comes before it; {} is a stretch of no
// rows. A "start" is the first row of a group; rows before the first start of the stretch belong to
// a group that began earlier.
struct RocStretch {
  RocRows all;
  RocRows open;   // before the first start; all, if there is none
  RocRows start;  // before the last start
  int64_t lead;   // won - lost of the rows behind the first start, against rows of the stretch
  int64_t not_finite;
  bool has_start;
};

class RocArea {
 public:
  static constexpr uint64_t kMaxRows = uint64_t{1} << 31;

  // For up to `rows` rows, at least one: 10 bytes a row, and about 5 that the sort asks for.
  static absl::StatusOr<RocArea> Make(uint64_t rows);

  // result[1] in device memory; predictions.rows is what was given to Make, their weights are not
  // looked at, and the probabilities may be any scores.
  absl::Status Compute(StreamView stream, const Predictions& predictions, RocAreaResult* result);

 private:
  RocArea() = default;
  // Without storage: only says how many bytes of it are needed.
  cudaError_t Sort(cudaStream_t stream, void* storage, size_t& bytes);

  uint64_t rows_ = 0;
  DeviceArray<uint32_t> keys_;         // [rows] scores, as numbers of the same order
  DeviceArray<uint32_t> sorted_keys_;  // [rows]
  DeviceArray<uint8_t> positive_;      // [rows]
  DeviceArray<uint8_t> sorted_positive_;
  DeviceArray<std::byte> sort_storage_;
  DeviceArray<RocStretch> stretches_;
};

}  // namespace rubato
