#include "worker/compute/cuda/kernels/segment_sum.h"

#include <algorithm>

#include "worker/compute/cuda/device/launch.h"
#include "worker/compute/cuda/kernels/divisor.h"
#include "worker/compute/cuda/kernels/elements.h"
#include "worker/compute/cuda/kernels/warp_group.h"

namespace rubato {
namespace {

// Occurrences that a lane has in flight.
constexpr uint32_t kLoads = 4;
constexpr uint32_t kChunkThreads = 128;
// Of the kernels that sum long segments: as many as a large GPU runs at once. They take what there
// is in turns.
constexpr uint32_t kMostBlocks = 2048;

template <class T>
struct SlopeArguments {
  const uint32_t* order;
  DeviceMatrix<const T> slope;
  uint32_t first;
  uint32_t step;
  uint32_t bag;
  uint32_t categories;  // occurrences that are
  Divisor by_columns;
  const uint32_t* sparse_row;
  const float* sparse_value;
  const uint32_t* positions;
  PairSlopes pairs;
  uint32_t dim;
};

struct LongArguments {
  LongSegmentCounts* counts;
  ChunkOfKey* chunks;
  ChunkOfKey* keys;
  float* sums;
};

struct SegmentArguments {
  const uint32_t* count;
  const uint32_t* begin;
  uint32_t dim;
  uint32_t lanes;  // of a group, a power of two
  float* d_weights;
  LongArguments long_segments;
};

// Positions begin, begin + step, ... < end of the order of occurrences.
struct OrderRange {
  uint32_t begin;
  uint32_t end;
  uint32_t step;
};

// Row and value of some occurrences, all their loads in flight at once.
struct Occurrences {
  uint32_t number[kLoads];  // kNoRow: none
  uint32_t row[kLoads];
  float value[kLoads];
};

template <class T>
__device__ Occurrences Read(const SlopeArguments<T>& a, const OrderRange& range, uint32_t first) {
  Occurrences read;
#pragma unroll
  for (uint32_t k = 0; k < kLoads; ++k) {
    const uint32_t i = first + k * range.step;
    read.number[k] = i < range.end ? a.order[i] : kNoRow;
  }
#pragma unroll
  for (uint32_t k = 0; k < kLoads; ++k) {
    const uint32_t number = read.number[k];
    const bool sparse = number != kNoRow && number >= a.categories;
    read.row[k] = sparse ? a.sparse_row[number - a.categories] : a.by_columns.Quotient(number);
    read.value[k] = sparse ? a.sparse_value[number - a.categories] : 1.0F;
  }
  return read;
}

// First column of an occurrence's slope.
template <class T>
__device__ uint32_t ColumnOf(const SlopeArguments<T>& a, uint32_t number, uint32_t row) {
  return number >= a.categories ? a.bag
                                : a.first + (number - row * a.by_columns.divisor()) * a.step;
}

template <uint32_t kWide, bool kAligned, class T>
__device__ FloatPack<kWide> LoadSlope(const T* from) {
  if constexpr (kAligned) return LoadPack<kWide>(from);
  return LoadUnaligned<kWide>(from);
}

// Sum of value * slope[at, at + kWide), in order.
template <class T, uint32_t kWide, bool kAligned>
__device__ FloatPack<kWide> SumSlopes(const SlopeArguments<T>& a, const OrderRange& range,
                                      uint32_t at) {
  FloatPack<kWide> sum = ZeroPack<kWide>();
  for (uint32_t first = range.begin; first < range.end; first += kLoads * range.step) {
    const Occurrences read = Read(a, range, first);
    FloatPack<kWide> slope[kLoads];
#pragma unroll
    for (uint32_t k = 0; k < kLoads; ++k) {
      const uint32_t column = ColumnOf(a, read.number[k], read.row[k]) + at;
      slope[k] = read.number[k] == kNoRow
                     ? ZeroPack<kWide>()
                     : LoadSlope<kWide, kAligned>(a.slope.data +
                                                  size_t{read.row[k]} * a.slope.stride + column);
    }
#pragma unroll
    for (uint32_t k = 0; k < kLoads; ++k) AddScaled(read.value[k], slope[k], &sum);
  }
  return sum;
}

// Adds what of the pairs' slope goes past the network's input. All occurrences have one key, and so
// one row of weights, and all are sparse features or none is.
template <class T, uint32_t kWide>
__device__ void AddPairs(const SlopeArguments<T>& a, const OrderRange& range, uint32_t at,
                         FloatPack<kWide>* sum) {
  if (range.begin >= range.end || a.order[range.begin] < a.categories) return;
  float factor = 0.0F;
  for (uint32_t first = range.begin; first < range.end; first += kLoads * range.step) {
    const Occurrences read = Read(a, range, first);
    float slope[kLoads];
#pragma unroll
    for (uint32_t k = 0; k < kLoads; ++k) {
      slope[k] = read.number[k] == kNoRow ? 0.0F : a.pairs.slope[read.row[k]];
    }
#pragma unroll
    for (uint32_t k = 0; k < kLoads; ++k) factor -= slope[k] * read.value[k] * read.value[k];
  }
  const uint32_t position = a.positions[a.order[range.begin]];
  if (position == kNoRow) return;
  AddScaled(factor, LoadPack<kWide>(a.pairs.weights + size_t{position} * a.dim + at), sum);
}

// The same of rows that have a slope a part.
template <class T, uint32_t kWide>
__device__ void AddPairParts(const SlopeArguments<T>& a, const OrderRange& range, uint32_t at,
                             FloatPack<kWide>* sum) {
  if (range.begin >= range.end || a.order[range.begin] < a.categories) return;
  FloatPack<kWide> factor = ZeroPack<kWide>();
  for (uint32_t first = range.begin; first < range.end; first += kLoads * range.step) {
    const Occurrences read = Read(a, range, first);
    FloatPack<kWide> slope[kLoads];
#pragma unroll
    for (uint32_t k = 0; k < kLoads; ++k) {
      slope[k] = read.number[k] == kNoRow
                     ? ZeroPack<kWide>()
                     : LoadPack<kWide>(a.pairs.slope + size_t{read.row[k]} * a.pairs.stride + at);
    }
#pragma unroll
    for (uint32_t k = 0; k < kLoads; ++k) {
      AddScaled(-read.value[k] * read.value[k], slope[k], &factor);
    }
  }
  const uint32_t position = a.positions[a.order[range.begin]];
  if (position == kNoRow) return;
  const auto weight = LoadPack<kWide>(a.pairs.weights + size_t{position} * a.dim + at);
#pragma unroll
  for (uint32_t w = 0; w < kWide; ++w) sum->at[w] += factor.at[w] * weight.at[w];
}

template <class T, uint32_t kWide, bool kAligned>
__device__ FloatPack<kWide> SumOccurrences(const SlopeArguments<T>& a, const OrderRange& range,
                                           uint32_t at) {
  FloatPack<kWide> sum = SumSlopes<T, kWide, kAligned>(a, range, at);
  if (a.pairs.slope == nullptr) return sum;
  if (a.pairs.stride == 0) {
    AddPairs<T, kWide>(a, range, at, &sum);
  } else {
    AddPairParts<T, kWide>(a, range, at, &sum);
  }
  return sum;
}

__device__ uint32_t ChunksOf(uint32_t occurrences) { return (occurrences + kChunk - 1) / kChunk; }

// Leaves a key to the kernels below. Its chunks stand side by side, wherever that is.
__device__ void ListLong(const LongArguments& a, uint32_t key, uint32_t occurrences) {
  const uint32_t chunks = ChunksOf(occurrences);
  const uint32_t first = atomicAdd(&a.counts->chunks, chunks);
  for (uint32_t c = 0; c < chunks; ++c) a.chunks[first + c] = {key, c};
  if (chunks > 1) a.keys[atomicAdd(&a.counts->keys, 1U)] = {key, first};
}

// A group of lanes takes a key, a lane one float or four of the row. Bound by bytes: for each
// occurrence its number and its slope (64 or 32 bytes for dim 16, read once, mostly from the L2
// cache), for each key its row: 8192 rows of 26 columns of dim 16, half of them distinct, 21 MB in
// float. A lane waits three times (begin, order, slope), with kLoads occurrences in flight; four
// floats a lane let a key of dim 16 have 4 lanes, and 60,000 of them be under way at once.
template <class T, uint32_t kWide, bool kAligned>
__global__ void SumShortSegments(SlopeArguments<T> slopes, SegmentArguments a) {
  const uint32_t thread = blockIdx.x * blockDim.x + threadIdx.x;
  const uint32_t key = thread / a.lanes;
  const uint32_t lane = thread & (a.lanes - 1);
  if (key >= *a.count) return;
  const uint32_t begin = a.begin[key];
  const uint32_t end = a.begin[key + 1];
  if (end - begin > kShortSegment) {
    if (lane == 0) ListLong(a.long_segments, key, end - begin);
    return;
  }
  for (uint32_t at = lane * kWide; at < a.dim; at += a.lanes * kWide) {
    const FloatPack<kWide> sum = SumOccurrences<T, kWide, kAligned>(slopes, {begin, end, 1}, at);
    StorePack<kWide>(sum, a.d_weights + size_t{key} * a.dim + at);
  }
}

// Sum of what the groups of a block have; right in the first group. All threads call it.
template <uint32_t kWide>
__device__ FloatPack<kWide> SumOverGroups(const FloatPack<kWide>& own, uint32_t lanes) {
  __shared__ FloatPack<kWide> sums[kChunkThreads];
  sums[threadIdx.x] = own;
  __syncthreads();
  for (uint32_t half = kChunkThreads / 2; half >= lanes; half /= 2) {
    if (threadIdx.x < half) AddScaled(1.0F, sums[threadIdx.x + half], &sums[threadIdx.x]);
    __syncthreads();
  }
  return sums[threadIdx.x];  // which no other thread reads before the next sum's first barrier
}

// A block takes a chunk: for dim 16 its 32 groups have 128 occurrences in flight.
template <class T, uint32_t kWide, bool kAligned>
__global__ void SumChunks(SlopeArguments<T> slopes, SegmentArguments a) {
  const uint32_t group = threadIdx.x / a.lanes;
  const uint32_t lane = threadIdx.x & (a.lanes - 1);
  const uint32_t chunks = a.long_segments.counts->chunks;
  for (uint32_t c = blockIdx.x; c < chunks; c += gridDim.x) {
    const ChunkOfKey chunk = a.long_segments.chunks[c];
    const uint32_t begin = a.begin[chunk.key];
    const uint32_t end = a.begin[chunk.key + 1];
    const uint32_t from = begin + chunk.chunk * kChunk;
    const OrderRange range{from + group, min(from + kChunk, end), kChunkThreads / a.lanes};
    float* const to = ChunksOf(end - begin) == 1 ? a.d_weights + size_t{chunk.key} * a.dim
                                                 : a.long_segments.sums + size_t{c} * a.dim;
    for (uint32_t round = 0; round < a.dim; round += a.lanes * kWide) {
      const uint32_t at = round + lane * kWide;
      FloatPack<kWide> sum = ZeroPack<kWide>();
      if (at < a.dim) sum = SumOccurrences<T, kWide, kAligned>(slopes, range, at);
      sum = SumOverGroups<kWide>(sum, a.lanes);
      if (group == 0 && at < a.dim) StorePack<kWide>(sum, to + at);
    }
  }
}

// A block takes a key that has several chunks.
template <uint32_t kWide>
__global__ void AddChunks(SegmentArguments a) {
  const uint32_t group = threadIdx.x / a.lanes;
  const uint32_t lane = threadIdx.x & (a.lanes - 1);
  const uint32_t keys = a.long_segments.counts->keys;
  for (uint32_t k = blockIdx.x; k < keys; k += gridDim.x) {
    const ChunkOfKey first = a.long_segments.keys[k];
    const uint32_t end = first.chunk + ChunksOf(a.begin[first.key + 1] - a.begin[first.key]);
    for (uint32_t round = 0; round < a.dim; round += a.lanes * kWide) {
      const uint32_t at = round + lane * kWide;
      FloatPack<kWide> sum = ZeroPack<kWide>();
      for (uint32_t c = first.chunk + group; at < a.dim && c < end; c += kChunkThreads / a.lanes) {
        AddScaled(1.0F, LoadPack<kWide>(a.long_segments.sums + size_t{c} * a.dim + at), &sum);
      }
      sum = SumOverGroups<kWide>(sum, a.lanes);
      if (group == 0 && at < a.dim) {
        StorePack<kWide>(sum, a.d_weights + size_t{first.key} * a.dim + at);
      }
    }
  }
}

template <class T>
SlopeArguments<T> ArgumentsOf(const Features& features, const OccurrenceSlopes<T>& slopes,
                              const uint32_t* order, uint32_t dim) {
  return {.order = order,
          .slope = slopes.slope,
          .first = slopes.first,
          .step = slopes.step,
          .bag = slopes.bag,
          .categories = features.counts.categories(),
          .by_columns = Divisor(std::max(features.counts.columns, 1U)),
          .sparse_row = features.sparse_row,
          .sparse_value = features.sparse_value,
          .positions = features.positions,
          .pairs = slopes.pairs,
          .dim = dim};
}

}  // namespace

// A long segment of n occurrences has n / kChunk chunks and at most one more.
SegmentSum::SegmentSum(uint32_t occurrences, uint32_t dim)
    : occurrences_(occurrences),
      dim_(dim),
      most_chunks_(occurrences / kChunk + occurrences / (kShortSegment + 1)),
      most_keys_(occurrences / (kChunk + 1)) {}

absl::StatusOr<SegmentSum> SegmentSum::Make(uint32_t occurrences, uint32_t dim) {
  CHECK(occurrences < uint32_t{1} << 31 && dim > 0);
  SegmentSum sum(occurrences, dim);
  ASSIGN_OR_RETURN(sum.counts_, DeviceArray<LongSegmentCounts>::Make(1));
  ASSIGN_OR_RETURN(sum.chunks_, DeviceArray<ChunkOfKey>::Make(sum.most_chunks_));
  ASSIGN_OR_RETURN(sum.keys_, DeviceArray<ChunkOfKey>::Make(sum.most_keys_));
  ASSIGN_OR_RETURN(sum.sums_, DeviceArray<float>::Make(size_t{sum.most_chunks_} * dim));
  return sum;
}

template <class T>
absl::Status SegmentSum::Run(StreamView stream, const Segments& segments, const Features& features,
                             const OccurrenceSlopes<T>& slopes, float* d_weights) {
  CHECK(features.counts.occurrences() == occurrences_ && segments.capacity <= occurrences_);
  CHECK(slopes.slope.rows == features.counts.rows);
  const PairSlopes& pairs = slopes.pairs;
  const bool wide = dim_ % 4 == 0 && AlignedToFour(d_weights) && AlignedToFour(pairs.weights) &&
                    (pairs.stride == 0 || AlignedToFour(pairs.slope)) && pairs.stride % 4 == 0;
  const bool aligned = AlignedToFour(slopes.slope.data) && slopes.slope.stride % 4 == 0 &&
                       slopes.first % 4 == 0 && slopes.step % 4 == 0 && slopes.bag % 4 == 0;
  if (!wide) return Sum<T, 1, true>(stream, segments, features, slopes, d_weights);
  return aligned ? Sum<T, 4, true>(stream, segments, features, slopes, d_weights)
                 : Sum<T, 4, false>(stream, segments, features, slopes, d_weights);
}

template <class T, uint32_t kWide, bool kAligned>
absl::Status SegmentSum::Sum(StreamView stream, const Segments& segments, const Features& features,
                             const OccurrenceSlopes<T>& slopes, float* d_weights) {
  const SlopeArguments<T> from = ArgumentsOf(features, slopes, segments.order, dim_);
  const SegmentArguments arguments{.count = segments.count,
                                   .begin = segments.begin,
                                   .dim = dim_,
                                   .lanes = GroupLanes(dim_ / kWide),
                                   .d_weights = d_weights,
                                   .long_segments = {.counts = counts_.data(),
                                                     .chunks = chunks_.data(),
                                                     .keys = keys_.data(),
                                                     .sums = sums_.data()}};
  const uint64_t threads = uint64_t{segments.capacity} * arguments.lanes;
  CHECK(threads < kNoRow);
  RETURN_IF_ERROR(ZeroAsync(stream, counts_.data(), 1));
  RETURN_IF_ERROR(Launch(stream, OneThreadEach(threads), SumShortSegments<T, kWide, kAligned>, from,
                         arguments));
  RETURN_IF_ERROR(Launch(stream,
                         {.blocks = std::min(most_chunks_, kMostBlocks), .threads = kChunkThreads},
                         SumChunks<T, kWide, kAligned>, from, arguments));
  return Launch(stream, {.blocks = std::min(most_keys_, kMostBlocks), .threads = kChunkThreads},
                AddChunks<kWide>, arguments);
}

template absl::Status SegmentSum::Run(StreamView stream, const Segments& segments,
                                      const Features& features,
                                      const OccurrenceSlopes<float>& slopes, float* d_weights);
template absl::Status SegmentSum::Run(StreamView stream, const Segments& segments,
                                      const Features& features,
                                      const OccurrenceSlopes<__nv_bfloat16>& slopes,
                                      float* d_weights);

}  // namespace rubato
