#include "worker/compute/cuda/kernels/linear_term.h"

#include <algorithm>
#include <utility>

#include "worker/compute/cuda/device/launch.h"
#include "worker/compute/cuda/kernels/bag.h"
#include "worker/compute/cuda/kernels/divisor.h"
#include "worker/compute/cuda/kernels/elements.h"
#include "worker/compute/cuda/kernels/warp_group.h"

namespace rubato {
namespace {

struct ForwardArguments {
  const BatchCounts* filled;
  LinearTermSource from;
  Bag categories;  // of the whole batch, `columns` a row
  Bag sparse;
  float* margin;
  uint32_t rows;
  uint32_t numeric;
  uint32_t columns;
  uint32_t lanes;
};

// The share of one lane in a row's sum.
__device__ float SumOfLane(const ForwardArguments& a, uint32_t row, uint32_t lane) {
  const float* const x = a.from.numeric + size_t{row} * a.numeric;
  float numeric = 0.0F;
#pragma unroll 4
  for (uint32_t k = lane; k < a.numeric; k += a.lanes) numeric += x[k] * a.from.weights[k];
  BagSums<1> sums;
  const uint32_t begin = row * a.columns;
  AddBag(a.categories, {begin + lane, begin + a.columns, a.lanes}, 0, &sums);
  if (a.sparse.row_begin != nullptr) {
    AddBag(a.sparse, {a.sparse.row_begin[row] + lane, a.sparse.row_begin[row + 1], a.lanes}, 0,
           &sums);
  }
  return numeric + sums.sum.at[0];
}

// A group of lanes takes a row: as many as an average row has features, so that a row's positions,
// values and numeric columns are read side by side. Bound by bytes: 4 of position, 4 of value and
// a sector of 32 for the weight of each feature (less when weights stay in the caches).
__global__ void AddLinearTerm(ForwardArguments a) {
  const uint32_t thread = blockIdx.x * blockDim.x + threadIdx.x;
  const uint32_t row = thread / a.lanes;
  const uint32_t lane = thread & (a.lanes - 1);
  float sum = row < a.filled->rows ? SumOfLane(a, row, lane) : 0.0F;
  for (uint32_t step = a.lanes / 2; step > 0; step /= 2) {
    sum += __shfl_xor_sync(kFullWarp, sum, static_cast<int>(step));
  }
  if (lane != 0 || row >= a.rows) return;
  a.margin[row] = (a.from.bias != nullptr ? *a.from.bias : a.margin[row]) + sum;
}

struct WeightArguments {
  const BatchCounts* filled;
  const float* bias;
  Bag categories;  // of the whole batch, `columns` a row
  Bag sparse;
  DeviceMatrix<float> margin;
  uint32_t columns;
  uint32_t group_lanes;
};

// A warp takes a row, a group of its lanes every (32 / lanes)th feature. Bound by bytes: for each
// feature 4 of position, 4 of value and a row of weights, of whole sectors if outputs are a
// multiple of 8 (less when weights stay in the caches), and the margins, read and written once.
template <uint32_t kWide>
__global__ void AddWeights(WeightArguments a) {
  const uint32_t row = (blockIdx.x * blockDim.x + threadIdx.x) / kWarpThreads;
  if (row >= a.margin.rows) return;
  const bool filled = row < a.filled->rows;
  const WarpGroup group(a.group_lanes);
  float* const margin = a.margin.data + size_t{row} * a.margin.stride;
  for (uint32_t round = 0; round < a.margin.cols; round += group.lanes * kWide) {
    const uint32_t at = round + group.lane * kWide;
    const bool some = at < a.margin.cols;
    BagSums<kWide> sums;
    if (some && filled) {
      const uint32_t begin = row * a.columns;
      AddBag(a.categories, {begin + group.number, begin + a.columns, group.groups}, at, &sums);
    }
    if (some && filled && a.sparse.row_begin != nullptr) {
      const uint32_t begin = a.sparse.row_begin[row] + group.number;
      AddBag(a.sparse, {begin, a.sparse.row_begin[row + 1], group.groups}, at, &sums);
    }
#pragma unroll
    for (uint32_t w = 0; w < kWide; ++w) sums.sum.at[w] = SumOverLanes(sums.sum.at[w], group.lanes);
    if (!some || group.number != 0) continue;
    AddScaled(1.0F, LoadPack<kWide>((a.bias != nullptr ? a.bias : margin) + at), &sums.sum);
    StorePack<kWide>(sums.sum, margin + at);
  }
}

// Sums over tiles of rows of a matrix, each row times a factor.
struct TileArguments {
  const float* matrix;        // [rows, columns]
  const float* factors;       // [rows]; nullptr: all are 1
  const BatchCounts* filled;  // nullptr: all rows are
  float* sums;                // [tiles, columns]
  uint32_t rows;
  uint32_t columns;
  uint32_t tile_rows;
  uint32_t lanes;     // columns of a block, a power of two
  Divisor by_blocks;  // blocks that share a tile
};

// A block takes `lanes` columns of a tile, each of its groups every (256 / lanes)th row. Bound by
// bytes: the matrix is read once, in rows of up to 128 bytes.
__global__ void SumTiles(TileArguments a) {
  __shared__ float sums[kBlockThreads];
  const uint32_t tile = a.by_blocks.Quotient(blockIdx.x);
  const uint32_t lane = threadIdx.x & (a.lanes - 1);
  const uint32_t column = (blockIdx.x - tile * a.by_blocks.divisor()) * a.lanes + lane;
  const uint32_t groups = kBlockThreads / a.lanes;
  const uint32_t rows = a.filled != nullptr ? a.filled->rows : a.rows;
  const uint32_t end = min((tile + 1) * a.tile_rows, rows);
  float sum = 0.0F;
  if (column < a.columns) {
#pragma unroll 4
    for (uint32_t r = tile * a.tile_rows + threadIdx.x / a.lanes; r < end; r += groups) {
      const float factor = a.factors != nullptr ? a.factors[r] : 1.0F;
      sum += factor * a.matrix[size_t{r} * a.columns + column];
    }
  }
  sums[threadIdx.x] = sum;
  __syncthreads();
  for (uint32_t half = kBlockThreads / 2; half >= a.lanes; half /= 2) {
    if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    __syncthreads();
  }
  if (threadIdx.x < a.lanes && column < a.columns) {
    a.sums[size_t{tile} * a.columns + column] = sums[threadIdx.x];
  }
}

absl::Status LaunchTiles(StreamView stream, TileArguments arguments, uint32_t tiles) {
  arguments.lanes = GroupLanes(arguments.columns);
  const uint32_t blocks = (arguments.columns + arguments.lanes - 1) / arguments.lanes;
  arguments.by_blocks = Divisor(blocks);
  return Launch(stream, {.blocks = blocks * tiles, .threads = kBlockThreads}, SumTiles, arguments);
}

// Few enough tiles for their sums to be added up by one block a column, many enough for a GPU.
constexpr uint32_t kLeastTileRows = 64;
constexpr uint32_t kMostTiles = 128;

// Of the category columns, whose features have no values.
Bag CategoriesOf(const Features& features, const float* weights, uint32_t dim) {
  return {.positions = features.positions, .weights = weights, .dim = dim};
}

}  // namespace

absl::Status AddFeatureWeights(StreamView stream, const Features& features,
                               const FeatureWeights& from, DeviceMatrix<float> margin) {
  CHECK(margin.rows == features.counts.rows);
  const uint32_t outputs = margin.cols;
  const bool wide = outputs % 4 == 0 && margin.stride % 4 == 0 && AlignedToFour(margin.data) &&
                    AlignedToFour(from.weights) && AlignedToFour(from.bias);
  const WeightArguments arguments{.filled = features.filled,
                                  .bias = from.bias,
                                  .categories = CategoriesOf(features, from.weights, outputs),
                                  .sparse = BagOf(features, from.weights, outputs),
                                  .margin = margin,
                                  .columns = features.counts.columns,
                                  .group_lanes = GroupLanes(wide ? outputs / 4 : outputs)};
  const uint64_t threads = uint64_t{margin.rows} * kWarpThreads;
  CHECK(threads < kNoRow);
  return Launch(stream, OneThreadEach(threads), wide ? AddWeights<4> : AddWeights<1>, arguments);
}

DeviceLinearTerm::DeviceLinearTerm(const FeatureCounts& counts, uint32_t numeric,
                                   SegmentSum segment_sum)
    : counts_(counts),
      numeric_(numeric),
      tile_rows_(std::max(kLeastTileRows, (counts.rows + kMostTiles - 1) / kMostTiles)),
      tiles_((counts.rows + tile_rows_ - 1) / tile_rows_),
      segment_sum_(std::move(segment_sum)) {}

absl::StatusOr<DeviceLinearTerm> DeviceLinearTerm::Make(const FeatureCounts& counts,
                                                        uint32_t numeric) {
  CHECK(counts.rows > 0);
  ASSIGN_OR_RETURN(SegmentSum segment_sum, SegmentSum::Make(counts.occurrences(), 1));
  DeviceLinearTerm term(counts, numeric, std::move(segment_sum));
  ASSIGN_OR_RETURN(term.tile_sums_, DeviceArray<float>::Make(size_t{term.tiles_} * numeric));
  return term;
}

absl::Status DeviceLinearTerm::Forward(StreamView stream, const Features& features,
                                       const LinearTermSource& from, float* margin) const {
  CHECK(features.counts == counts_);
  const uint32_t average = numeric_ + counts_.columns + counts_.sparse / counts_.rows;
  const ForwardArguments arguments{.filled = features.filled,
                                   .from = from,
                                   .categories = CategoriesOf(features, from.weights + numeric_, 1),
                                   .sparse = BagOf(features, from.weights + numeric_, 1),
                                   .margin = margin,
                                   .rows = counts_.rows,
                                   .numeric = numeric_,
                                   .columns = counts_.columns,
                                   .lanes = GroupLanes(average)};
  const uint64_t threads = uint64_t{counts_.rows} * arguments.lanes;
  CHECK(threads < kNoRow);
  return Launch(stream, OneThreadEach(threads), AddLinearTerm, arguments);
}

absl::Status DeviceLinearTerm::Backward(StreamView stream, const Segments& segments,
                                        const Features& features, const LinearTermSlopes& from,
                                        float* d_weights) {
  CHECK(features.counts == counts_);
  RETURN_IF_ERROR(SumNumeric(stream, features.filled, from, d_weights));
  const OccurrenceSlopes<float> slopes{
      .slope = {.data = from.d_margin, .rows = counts_.rows, .cols = 1, .stride = 1}};
  return segment_sum_.Run(stream, segments, features, slopes, d_weights + numeric_);
}

absl::Status DeviceLinearTerm::SumNumeric(StreamView stream, const BatchCounts* filled,
                                          const LinearTermSlopes& from, float* d_weights) {
  if (numeric_ == 0) return absl::OkStatus();
  RETURN_IF_ERROR(LaunchTiles(stream,
                              {.matrix = from.numeric,
                               .factors = from.d_margin,
                               .filled = filled,
                               .sums = tile_sums_.data(),
                               .rows = counts_.rows,
                               .columns = numeric_,
                               .tile_rows = tile_rows_,
                               .lanes = 0,
                               .by_blocks = Divisor(1)},
                              tiles_));
  return LaunchTiles(stream,
                     {.matrix = tile_sums_.data(),
                      .factors = nullptr,
                      .filled = nullptr,
                      .sums = d_weights,
                      .rows = tiles_,
                      .columns = numeric_,
                      .tile_rows = tiles_,
                      .lanes = 0,
                      .by_blocks = Divisor(1)},
                     1);
}

}  // namespace rubato
