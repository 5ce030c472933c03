// The way back through embeddings: what a key's occurrences give to its gradient, added up.
//
//   d_weights[p] = sum over the occurrences of key p, in order, of value * slope[row, column...]
//
// A key with few occurrences is summed by one group of lanes, in batch order. One with more than
// kShortSegment (a missing value, a level that every second row has) is cut into chunks of
// kChunk occurrences, each summed by a block, and the chunks are added up after that; so one hot
// key costs a few microseconds, and not the step. Which block takes what is left to chance; what is
// added to what, and in which order, is not: the same batch gives the same bits. The CPU's are
// ScatterCategories and ScatterBag (worker/compute/cpu/embedding.h).
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/compute/cuda/device/device_memory.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/kernels/features.h"

namespace rubato {

inline constexpr uint32_t kShortSegment = 32;
inline constexpr uint32_t kChunk = 256;

// The part of a factorization machine's slope that does not pass through the sum of a row's sparse
// features: - slope[row] value^2 weights[position] for each of these features, with one slope for
// all dim parts of a row's pairs or one each.
struct PairSlopes {
  const float* slope = nullptr;    // [rows], or [rows, dim] with a stride; nullptr: no such part
  const float* weights = nullptr;  // [*, dim], read at Features::positions
  uint32_t stride = 0;             // from row to row of slopes; 0: a row has one
};

// In device memory. Category column c has its slope in columns [first + c step, + dim), sparse
// features in [bag, + dim).
template <class T>
struct OccurrenceSlopes {
  DeviceMatrix<const T> slope;
  uint32_t first = 0;
  uint32_t step = 0;
  uint32_t bag = 0;
  PairSlopes pairs{};
};

// A key's chunk, and a key's first one, of those that blocks sum.
struct ChunkOfKey {
  uint32_t key;
  uint32_t chunk;
};

struct LongSegmentCounts {
  uint32_t chunks;
  uint32_t keys;
};

// Scratch memory for batches of one size, used by one call at a time.
class SegmentSum {
 public:
  // Sums rows of `dim` > 0 floats, over occurrences < 2^31.
  static absl::StatusOr<SegmentSum> Make(uint32_t occurrences, uint32_t dim);

  // Writes the rows p < *segments.count of d_weights [capacity, dim], and no others. T is float or
  // __nv_bfloat16. Of `features` positions are read only for slopes.pairs.
  template <class T>
  absl::Status Run(StreamView stream, const Segments& segments, const Features& features,
                   const OccurrenceSlopes<T>& slopes, float* d_weights);

 private:
  SegmentSum(uint32_t occurrences, uint32_t dim);
  template <class T, uint32_t kWide, bool kAligned>
  absl::Status Sum(StreamView stream, const Segments& segments, const Features& features,
                   const OccurrenceSlopes<T>& slopes, float* d_weights);

  uint32_t occurrences_;
  uint32_t dim_;
  uint32_t most_chunks_;                   // of long segments
  uint32_t most_keys_;                     // that have several
  DeviceArray<LongSegmentCounts> counts_;  // [1]
  DeviceArray<ChunkOfKey> chunks_;         // [most_chunks]
  DeviceArray<ChunkOfKey> keys_;           // [most_keys] with the number of the first chunk
  DeviceArray<float> sums_;                // [most_chunks, dim]
};

}  // namespace rubato
