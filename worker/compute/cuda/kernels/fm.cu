#include "worker/compute/cuda/kernels/fm.h"

#include "worker/compute/cuda/device/launch.h"
#include "worker/compute/cuda/kernels/bag.h"
#include "worker/compute/cuda/kernels/divisor.h"
#include "worker/compute/cuda/kernels/elements.h"
#include "worker/compute/cuda/kernels/warp_group.h"

namespace rubato {
namespace {

// Packs of x that a lane has in flight.
template <uint32_t kWide>
inline constexpr uint32_t kPacks = kWide == 1 ? 8 : 4;

template <class T>
struct ForwardArguments {
  const BatchCounts* filled;
  DeviceMatrix<const T> x;
  uint32_t first;    // element of x where categories begin
  uint32_t columns;  // category columns
  Bag bag;
  FmTerm out;
  uint32_t group_lanes;
};

// Adds the embeddings' packs at `at` of a row's category columns number, number + groups, ...
template <class T, uint32_t kWide, uint32_t kSquares>
__device__ void AddCategories(const ForwardArguments<T>& a, const WarpGroup& group, const T* from,
                              BagSums<kWide, kSquares>* sums) {
  for (uint32_t first = group.number; first < a.columns; first += kPacks<kWide> * group.groups) {
    FloatPack<kWide> x[kPacks<kWide>];
#pragma unroll
    for (uint32_t k = 0; k < kPacks<kWide>; ++k) {
      const uint32_t column = first + k * group.groups;
      x[k] = column < a.columns ? LoadPack<kWide>(from + size_t{column} * a.bag.dim)
                                : ZeroPack<kWide>();
    }
#pragma unroll
    for (uint32_t k = 0; k < kPacks<kWide>; ++k) {
      AddScaled(1.0F, x[k], &sums->sum);
#pragma unroll
      for (uint32_t w = 0; w < kWide; ++w) {
        sums->squares.at[w % kSquares] += x[k].at[w] * x[k].at[w];
      }
    }
  }
}

// Sum of all vectors at `at`, of one row: of this group's share of them.
template <class T, uint32_t kWide, uint32_t kSquares = 1>
__device__ BagSums<kWide, kSquares> SumVectors(const ForwardArguments<T>& a, const WarpGroup& group,
                                               uint32_t row, uint32_t at) {
  BagSums<kWide, kSquares> sums;
  const T* const from = a.x.data + size_t{row} * a.x.stride + a.first + at;
  AddCategories(a, group, from, &sums);
  if (a.bag.row_begin != nullptr) {
    const FeatureRange range{a.bag.row_begin[row] + group.number, a.bag.row_begin[row + 1],
                             group.groups};
    AddBag(a.bag, range, at, &sums);
  }
  return sums;
}

// A warp takes a row, a group of its lanes every (32 / lanes)th feature. Bound by bytes: x is read
// once, mostly from the L2 cache where GatherInput left it, and sparse features as in bag.h.
template <class T, uint32_t kWide>
__global__ void Forward(ForwardArguments<T> a) {
  const uint32_t row = (blockIdx.x * blockDim.x + threadIdx.x) / kWarpThreads;
  if (row >= a.x.rows) return;
  const bool filled = row < a.filled->rows;
  const WarpGroup group(a.group_lanes);
  float term = 0.0F;
  for (uint32_t round = 0; round < a.bag.dim; round += group.lanes * kWide) {
    const uint32_t at = round + group.lane * kWide;
    const bool some = at < a.bag.dim;
    BagSums<kWide> sums;
    if (some && filled) sums = SumVectors<T, kWide>(a, group, row, at);
    term -= sums.squares.at[0];
#pragma unroll
    for (uint32_t w = 0; w < kWide; ++w) {
      sums.sum.at[w] = SumOverLanes(sums.sum.at[w], group.lanes);
      if (group.number == 0) term += sums.sum.at[w] * sums.sum.at[w];
    }
    if (some && group.number == 0) {
      StorePack<kWide>(sums.sum, a.out.sums + size_t{row} * a.bag.dim + at);
    }
  }
  term = SumOverLanes(term, 1);
  if (filled && threadIdx.x % kWarpThreads == 0) a.out.margin[row] += 0.5F * term;
}

// The same, with the parts as they are: bytes as Forward's, and 4 more a row and part.
template <class T, uint32_t kWide>
__global__ void ForwardParts(ForwardArguments<T> a) {
  const uint32_t row = (blockIdx.x * blockDim.x + threadIdx.x) / kWarpThreads;
  if (row >= a.x.rows) return;
  const bool filled = row < a.filled->rows;
  const WarpGroup group(a.group_lanes);
  for (uint32_t round = 0; round < a.bag.dim; round += group.lanes * kWide) {
    const uint32_t at = round + group.lane * kWide;
    const bool some = at < a.bag.dim;
    BagSums<kWide, kWide> sums;
    if (some && filled) sums = SumVectors<T, kWide, kWide>(a, group, row, at);
    FloatPack<kWide> pairs;
#pragma unroll
    for (uint32_t w = 0; w < kWide; ++w) {
      sums.sum.at[w] = SumOverLanes(sums.sum.at[w], group.lanes);
      const float squares = SumOverLanes(sums.squares.at[w], group.lanes);
      pairs.at[w] = 0.5F * (sums.sum.at[w] * sums.sum.at[w] - squares);
    }
    if (!some || group.number != 0) continue;
    StorePack<kWide>(sums.sum, a.out.sums + size_t{row} * a.bag.dim + at);
    StorePack<kWide>(pairs, a.out.pairs.data + size_t{row} * a.out.pairs.stride + at);
  }
}

// Sizes in packs of kWide elements.
template <class T>
struct BackwardArguments {
  const BatchCounts* filled;
  FmSlopes<T> from;
  DeviceMatrix<T> dx;
  uint32_t first;      // element of x and dx where embeddings begin
  uint32_t packs;      // behind it
  uint32_t sum_begin;  // of them, where the sum of sparse features begins
  Divisor by_dim;      // packs of an embedding
  Divisor by_warps;    // warps that share a row
};

template <uint32_t kWide>
__device__ void AddSlope(const FloatPack<kWide>& d, const FloatPack<kWide>& sum,
                         const FloatPack<kWide>& x, FloatPack<kWide>* dx) {
#pragma unroll
  for (uint32_t w = 0; w < kWide; ++w) dx->at[w] += d.at[w] * (sum.at[w] - x.at[w]);
}

// The slope of parts [within kWide, + kWide) of a row's pairs.
template <bool kParts, uint32_t kWide, class T>
__device__ FloatPack<kWide> LoadPairSlope(const FmSlopes<T>& from, uint32_t row, uint32_t within) {
  if constexpr (kParts) {
    return LoadPack<kWide>(from.d_pairs.data + size_t{row} * from.d_pairs.stride + within * kWide);
  } else {
    FloatPack<kWide> same;
#pragma unroll
    for (uint32_t w = 0; w < kWide; ++w) same.at[w] = from.d_margin[row];
    return same;
  }
}

// A warp takes 32 * kPacks packs of a row. Bound by bytes: x and dx are read and dx is written
// once; a row's sums, and slopes of its parts, stay in the L1 cache.
template <class T, uint32_t kWide, bool kParts>
__global__ void Backward(BackwardArguments<T> a) {
  const uint32_t warp = (blockIdx.x * blockDim.x + threadIdx.x) / kWarpThreads;
  const uint32_t row = a.by_warps.Quotient(warp);
  if (row >= a.filled->rows) return;
  const uint32_t part = warp - row * a.by_warps.divisor();
  const uint32_t first = part * kWarpThreads * kPacks<kWide> + threadIdx.x % kWarpThreads;
  const T* const x = a.from.x.data + size_t{row} * a.from.x.stride + a.first;
  T* const dx = a.dx.data + size_t{row} * a.dx.stride + a.first;
  const float* const row_sums = a.from.sums + size_t{row} * a.by_dim.divisor() * kWide;
  FloatPack<kWide> vector[kPacks<kWide>];
  FloatPack<kWide> slope[kPacks<kWide>];
  FloatPack<kWide> sum[kPacks<kWide>];
  FloatPack<kWide> d[kPacks<kWide>];
#pragma unroll
  for (uint32_t k = 0; k < kPacks<kWide>; ++k) {
    const uint32_t at = first + k * kWarpThreads;
    const uint32_t within = at - a.by_dim.Quotient(at) * a.by_dim.divisor();
    vector[k] = at < a.sum_begin ? LoadPack<kWide>(x + size_t{at} * kWide) : ZeroPack<kWide>();
    slope[k] = at < a.packs ? LoadPack<kWide>(dx + size_t{at} * kWide) : ZeroPack<kWide>();
    sum[k] = at < a.packs ? LoadPack<kWide>(row_sums + within * kWide) : ZeroPack<kWide>();
    d[k] = LoadPairSlope<kParts, kWide>(a.from, row, within);
  }
#pragma unroll
  for (uint32_t k = 0; k < kPacks<kWide>; ++k) {
    const uint32_t at = first + k * kWarpThreads;
    AddSlope<kWide>(d[k], sum[k], vector[k], &slope[k]);
    if (at < a.packs) StorePack<kWide>(slope[k], dx + size_t{at} * kWide);
  }
}

template <class T, uint32_t kWide>
absl::Status LaunchForward(StreamView stream, const InputLayout& layout, const Features& features,
                           const FmSource<T>& from, const FmTerm& out) {
  const ForwardArguments<T> arguments{.filled = features.filled,
                                      .x = from.x,
                                      .first = layout.numeric,
                                      .columns = features.counts.columns,
                                      .bag = BagOf(features, from.weights, layout.dim),
                                      .out = out,
                                      .group_lanes = GroupLanes(layout.dim / kWide)};
  const auto kernel = out.pairs.data == nullptr ? Forward<T, kWide> : ForwardParts<T, kWide>;
  return Launch(stream, OneThreadEach(uint64_t{from.x.rows} * kWarpThreads), kernel, arguments);
}

template <class T, uint32_t kWide>
absl::Status LaunchBackward(StreamView stream, const InputLayout& layout, const Features& features,
                            const FmSlopes<T>& from, DeviceMatrix<T> dx) {
  const uint32_t packs = (layout.width - layout.numeric) / kWide;
  const uint32_t span = kWarpThreads * kPacks<kWide>;
  const uint32_t warps = (packs + span - 1) / span;
  const BackwardArguments<T> arguments{.filled = features.filled,
                                       .from = from,
                                       .dx = dx,
                                       .first = layout.numeric,
                                       .packs = packs,
                                       .sum_begin = features.counts.columns * layout.dim / kWide,
                                       .by_dim = Divisor(layout.dim / kWide),
                                       .by_warps = Divisor(warps)};
  const uint64_t threads = uint64_t{dx.rows} * warps * kWarpThreads;
  CHECK(threads < kNoRow);
  const auto kernel =
      from.d_pairs.data == nullptr ? Backward<T, kWide, false> : Backward<T, kWide, true>;
  return Launch(stream, OneThreadEach(threads), kernel, arguments);
}

// So that packs of columns at multiples of four can be moved as one.
template <class T>
bool AlignedParts(const DeviceMatrix<T>& x) {
  return x.stride % 4 == 0 && AlignedToFour(x.data);
}

template <class T>
bool AlignedRows(const InputLayout& layout, const DeviceMatrix<T>& x) {
  return layout.numeric % 4 == 0 && layout.dim % 4 == 0 && AlignedParts(x);
}

}  // namespace

template <class T>
absl::Status FmForwardAsync(StreamView stream, const InputLayout& layout, const Features& features,
                            const FmSource<T>& from, const FmTerm& out) {
  CHECK(layout.dim > 0 && from.x.rows == features.counts.rows && from.x.cols == layout.width);
  CHECK((out.margin == nullptr) != (out.pairs.data == nullptr));
  const bool wide = AlignedRows(layout, from.x) && AlignedToFour(from.weights) &&
                    AlignedToFour(out.sums) && AlignedParts(out.pairs);
  return wide ? LaunchForward<T, 4>(stream, layout, features, from, out)
              : LaunchForward<T, 1>(stream, layout, features, from, out);
}

template <class T>
absl::Status FmBackwardAsync(StreamView stream, const InputLayout& layout, const Features& features,
                             const FmSlopes<T>& from, DeviceMatrix<T> dx) {
  CHECK(layout.dim > 0 && layout.width > layout.numeric && dx.cols == layout.width);
  CHECK(dx.rows == features.counts.rows && from.x.rows == dx.rows && from.x.cols == dx.cols);
  CHECK((from.d_margin == nullptr) != (from.d_pairs.data == nullptr));
  const bool wide = AlignedRows(layout, from.x) && AlignedRows(layout, dx) &&
                    AlignedToFour(from.sums) && AlignedParts(from.d_pairs);
  return wide ? LaunchBackward<T, 4>(stream, layout, features, from, dx)
              : LaunchBackward<T, 1>(stream, layout, features, from, dx);
}

template absl::Status FmForwardAsync(StreamView stream, const InputLayout& layout,
                                     const Features& features, const FmSource<float>& from,
                                     const FmTerm& out);
template absl::Status FmForwardAsync(StreamView stream, const InputLayout& layout,
                                     const Features& features, const FmSource<__nv_bfloat16>& from,
                                     const FmTerm& out);
template absl::Status FmBackwardAsync(StreamView stream, const InputLayout& layout,
                                      const Features& features, const FmSlopes<float>& from,
                                      DeviceMatrix<float> dx);
template absl::Status FmBackwardAsync(StreamView stream, const InputLayout& layout,
                                      const Features& features, const FmSlopes<__nv_bfloat16>& from,
                                      DeviceMatrix<__nv_bfloat16> dx);

}  // namespace rubato
