#include "worker/compute/cuda/kernels/gather_input.h"

#include "worker/compute/cuda/device/launch.h"
#include "worker/compute/cuda/kernels/bag.h"
#include "worker/compute/cuda/kernels/divisor.h"
#include "worker/compute/cuda/kernels/elements.h"
#include "worker/compute/cuda/kernels/warp_group.h"

namespace rubato {
namespace {

// Packs of a row that a lane copies, all their loads in flight at once.
template <uint32_t kWide>
inline constexpr uint32_t kPacks = kWide == 1 ? 8 : 4;

// Columns and sizes in packs of kWide elements, but for those of weights and numeric columns.
template <class T>
struct GatherArguments {
  const BatchCounts* filled;
  const float* numeric;  // [rows, numeric]
  const uint32_t* positions;
  Bag bag;
  T* x;
  uint32_t rows;
  uint32_t columns;  // category columns
  uint32_t numeric_end;
  uint32_t sum_begin;  // of the sum of sparse features, or of zeros
  uint32_t sum_end;    // beyond are zeros
  uint32_t stride;
  Divisor by_dim;    // packs of an embedding
  Divisor by_warps;  // warps that share a row
  uint32_t group_lanes;
};

// Packs first, first + 32, ... of a row, without the sum. All reads of positions stand before the
// first use of one, and so for embeddings, so that a lane waits twice and not twice a pack.
template <class T, uint32_t kWide>
__device__ void CopyPacks(const GatherArguments<T>& a, uint32_t row, uint32_t first, bool filled) {
  uint32_t position[kPacks<kWide>];
  uint32_t within[kPacks<kWide>];
#pragma unroll
  for (uint32_t k = 0; k < kPacks<kWide>; ++k) {
    const uint32_t at = first + k * kWarpThreads;
    const uint32_t column = a.by_dim.Quotient(at - a.numeric_end);
    const bool category = filled && at >= a.numeric_end && at < a.sum_begin;
    position[k] = category ? a.positions[size_t{row} * a.columns + column] : kNoRow;
    within[k] = at - a.numeric_end - column * a.by_dim.divisor();
  }
  FloatPack<kWide> value[kPacks<kWide>];
#pragma unroll
  for (uint32_t k = 0; k < kPacks<kWide>; ++k) {
    const uint32_t at = first + k * kWarpThreads;
    const float* from = nullptr;
    if (filled && at < a.numeric_end) {
      from = a.numeric + (size_t{row} * a.numeric_end + at) * kWide;
    } else if (position[k] != kNoRow) {
      from = a.bag.weights + size_t{position[k]} * a.bag.dim + within[k] * kWide;
    }
    value[k] = from == nullptr ? ZeroPack<kWide>() : LoadPack<kWide>(from);
  }
  T* const to = a.x + size_t{row} * a.stride * kWide;
#pragma unroll
  for (uint32_t k = 0; k < kPacks<kWide>; ++k) {
    const uint32_t at = first + k * kWarpThreads;
    const bool sum = at >= a.sum_begin && at < a.sum_end;
    if (at < a.stride && !sum) StorePack<kWide>(value[k], to + at * kWide);
  }
}

template <class T, uint32_t kWide>
__device__ void WriteSum(const GatherArguments<T>& a, uint32_t row, bool filled) {
  const WarpGroup group(a.group_lanes);
  const uint32_t begin = filled ? a.bag.row_begin[row] + group.number : 0;
  const uint32_t end = filled ? a.bag.row_begin[row + 1] : 0;
  const uint32_t packs = a.by_dim.divisor();
  T* const to = a.x + (size_t{row} * a.stride + a.sum_begin) * kWide;
  for (uint32_t round = 0; round < packs; round += group.lanes) {
    const uint32_t at = round + group.lane;
    BagSums<kWide> sums;
    if (at < packs) AddBag(a.bag, {begin, end, group.groups}, at * kWide, &sums);
#pragma unroll
    for (uint32_t w = 0; w < kWide; ++w) sums.sum.at[w] = SumOverLanes(sums.sum.at[w], group.lanes);
    if (group.number == 0 && at < packs) StorePack<kWide>(sums.sum, to + at * kWide);
  }
}

// A warp takes 32 * kPacks packs of a row, and one more warp the sum. Bound by bytes: positions,
// embeddings (random rows, whole sectors of 32 bytes if dim is a multiple of 8) and x; for 26
// columns of dim 16 and 8192 rows 14.5 MB in, and 14.2 MB (float) or 7.1 MB (bfloat16) out: 9 or 7
// us at 3.35 TB/s. To get there some 3 MB have to be in flight: a warp has 1 KB (kWide 1) or 2 KB
// of them. With kWide 1 a warp reads and writes 32 elements side by side, so that odd numbers of
// numeric columns cost no more sectors than even ones.
template <class T, uint32_t kWide>
__global__ void Gather(GatherArguments<T> a) {
  const uint32_t warp = (blockIdx.x * blockDim.x + threadIdx.x) / kWarpThreads;
  const uint32_t row = a.by_warps.Quotient(warp);
  if (row >= a.rows) return;
  const uint32_t part = warp - row * a.by_warps.divisor();
  const bool filled = row < a.filled->rows;
  const uint32_t first = part * kWarpThreads * kPacks<kWide>;
  if (first < a.stride) {
    CopyPacks<T, kWide>(a, row, first + threadIdx.x % kWarpThreads, filled);
  } else {
    WriteSum<T, kWide>(a, row, filled);
  }
}

template <class T, uint32_t kWide>
absl::Status LaunchGather(StreamView stream, const InputLayout& layout, const Features& features,
                          const InputSource& from, DeviceMatrix<T> x) {
  const bool has_sum = features.row_begin != nullptr;
  const uint32_t categories_end = layout.numeric + features.counts.columns * layout.dim;
  const uint32_t span = kWarpThreads * kPacks<kWide> * kWide;
  const uint32_t warps = (x.stride + span - 1) / span + (has_sum ? 1 : 0);
  const uint32_t packs = layout.dim / kWide;
  const GatherArguments<T> arguments{.filled = features.filled,
                                     .numeric = from.numeric,
                                     .positions = features.positions,
                                     .bag = BagOf(features, from.weights, layout.dim),
                                     .x = x.data,
                                     .rows = x.rows,
                                     .columns = features.counts.columns,
                                     .numeric_end = layout.numeric / kWide,
                                     .sum_begin = categories_end / kWide,
                                     .sum_end = layout.width / kWide,
                                     .stride = x.stride / kWide,
                                     .by_dim = Divisor(packs == 0 ? 1 : packs),
                                     .by_warps = Divisor(warps),
                                     .group_lanes = GroupLanes(packs)};
  const uint64_t threads = uint64_t{x.rows} * warps * kWarpThreads;
  CHECK(threads < kNoRow);
  return Launch(stream, OneThreadEach(threads), Gather<T, kWide>, arguments);
}

}  // namespace

template <class T>
absl::Status GatherInput(StreamView stream, const InputLayout& layout, const Features& features,
                         const InputSource& from, DeviceMatrix<T> x) {
  const uint32_t categories_end = layout.numeric + features.counts.columns * layout.dim;
  const bool has_sum = features.row_begin != nullptr;
  CHECK(x.rows == features.counts.rows && x.cols == layout.width && x.stride >= layout.width);
  CHECK(layout.width == categories_end + (has_sum ? layout.dim : 0));
  CHECK(!has_sum || layout.bag == categories_end);
  const bool wide = layout.numeric % 4 == 0 && layout.dim % 4 == 0 && x.stride % 4 == 0 &&
                    AlignedToFour(from.numeric) && AlignedToFour(from.weights) &&
                    AlignedToFour(x.data);
  return wide ? LaunchGather<T, 4>(stream, layout, features, from, x)
              : LaunchGather<T, 1>(stream, layout, features, from, x);
}

template absl::Status GatherInput(StreamView stream, const InputLayout& layout,
                                  const Features& features, const InputSource& from,
                                  DeviceMatrix<float> x);
template absl::Status GatherInput(StreamView stream, const InputLayout& layout,
                                  const Features& features, const InputSource& from,
                                  DeviceMatrix<__nv_bfloat16> x);

}  // namespace rubato
