// Whole tables that live on a device: rows by key, and what a run of steps adds up to.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/kernels/features.h"

namespace rubato {

// Where a table holds all rows of its key space, a key is its row: positions[i] = keys[i], kNoRow
// for kNoKey. Keys are below kNoRow.
absl::Status PositionsOfKeys(StreamView stream, const uint64_t* keys, uint32_t count,
                             uint32_t* positions);

// to[i, :] = weights[keys[i], :], i < count; rows of dim floats, all in device memory.
struct RowGather {
  const float* weights = nullptr;
  uint32_t dim = 0;
  const uint64_t* keys = nullptr;
  uint64_t count = 0;
};
absl::Status GatherRows(StreamView stream, const RowGather& gather, float* to);

// The losses of some batches, each times its rows, and their rows.
struct LossTotals {
  double loss = 0;
  double rows = 0;
};
absl::Status AddLoss(StreamView stream, const double* loss, const BatchCounts* filled,
                     LossTotals* totals);

}  // namespace rubato
