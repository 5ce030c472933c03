// The key of every occurrence of a feature in a batch, and the row of every sparse feature.
//
// Level ids and sparse features share a table's key space, one range behind the other, as in
// worker/spec/feature_keys.h.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/kernels/features.h"
#include "worker/spec/feature_keys.h"

namespace rubato {

// Features as a batch has them. All in device memory.
struct RawFeatures {
  FeatureCounts counts;                  // capacities
  const BatchCounts* filled = nullptr;   // [1]
  const uint32_t* levels = nullptr;      // [rows, columns] level ids
  const uint32_t* row_begin = nullptr;   // [rows + 1] of sparse features
  const uint64_t* sparse_key = nullptr;  // [sparse]
};

struct OccurrenceKeys {
  uint64_t* keys = nullptr;        // [occurrences]; kNoKey for padding
  uint32_t* sparse_row = nullptr;  // [sparse]; kNoRow for padding
};

// Every element of `out` is written. row_begin, sparse_key and sparse_row may be null when there
// are no sparse features.
absl::Status FindOccurrenceKeys(StreamView stream, const RawFeatures& in,
                                const FeatureRanges& ranges, const OccurrenceKeys& out);

}  // namespace rubato
