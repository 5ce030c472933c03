#include "worker/compute/cuda/kernels/occurrence_keys.h"

#include "worker/compute/cuda/device/launch.h"

namespace rubato {
namespace {

// The row of sparse feature i < row_begin[rows]: the last one that begins at or before it. Rows may
// be empty, or have all the features: a search costs log2(rows) reads of an array that the L1 cache
// holds, whatever the lengths.
__device__ uint32_t RowOf(const uint32_t* row_begin, uint32_t rows, uint32_t i) {
  uint32_t low = 0;
  uint32_t high = rows;
  while (high - low > 1) {
    const uint32_t middle = low + (high - low) / 2;
    if (row_begin[middle] <= i) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

// One thread an occurrence. Bound by bytes: 4 read and 8 written for a category, 8 read and 12
// written for a sparse feature.
__global__ void FindKeys(const RawFeatures in, FeatureRanges ranges, uint32_t categories,
                         OccurrenceKeys out) {
  const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= categories + in.counts.sparse) return;
  if (i < categories) {
    const bool filled = i < in.filled->rows * in.counts.columns;
    out.keys[i] = filled ? ranges.categories + in.levels[i] : kNoKey;
    return;
  }
  const uint32_t s = i - categories;
  const bool filled = s < in.filled->sparse;
  out.keys[i] = filled ? ranges.sparse + in.sparse_key[s] : kNoKey;
  out.sparse_row[s] = filled ? RowOf(in.row_begin, in.filled->rows, s) : kNoRow;
}

}  // namespace

absl::Status FindOccurrenceKeys(StreamView stream, const RawFeatures& in,
                                const FeatureRanges& ranges, const OccurrenceKeys& out) {
  return Launch(stream, OneThreadEach(in.counts.occurrences()), FindKeys, in, ranges,
                in.counts.categories(), out);
}

}  // namespace rubato
