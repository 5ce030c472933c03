#include "worker/compute/cuda/kernels/roc_area.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cub/cub.cuh>

#include "common/base/status.h"
#include "worker/compute/cuda/device/cuda_status.h"
#include "worker/compute/cuda/device/launch.h"
#include "worker/compute/cuda/kernels/block_sum.h"

namespace rubato {
namespace {

// The sort moves 5 bytes a row eight times (four passes, to and fro) and is nearly all of the time;
// what is left reads 8 bytes a row and writes 5 before it, and reads 5 behind it.

// The bits of a float as an unsigned number of the same order; -0 is made 0.
__device__ uint32_t Ordered(float score) {
  const uint32_t bits = __float_as_uint(score + 0.0F);
  return (bits >> 31) != 0 ? ~bits : bits | 0x80000000U;
}

__device__ uint64_t FilledRows(const Predictions& in) {
  return in.filled == nullptr ? in.rows : min(in.rows, uint64_t{in.filled->rows});
}

// Padding sorts behind everything: nothing has a larger key, and the sort is stable.
__global__ void OrderKernel(Predictions in, uint32_t* keys, uint8_t* positive) {
  const uint64_t row = uint64_t{blockIdx.x} * kBlockThreads + threadIdx.x;
  if (row >= in.rows) return;
  const bool filled = row < FilledRows(in);
  keys[row] = filled ? Ordered(in.probability[row]) : ~uint32_t{0};
  positive[row] = filled && in.label[row] > 0.5F ? 1 : 0;
}

// Stretches of the sorted rows, one a warp: enough of them to keep a device's loads in flight.
constexpr uint64_t kMaxStretches = 8192;
constexpr uint32_t kBlockWarps = kBlockThreads / kWarpThreads;

uint64_t StretchRows(uint64_t rows) {
  const uint64_t share = (rows + kMaxStretches - 1) / kMaxStretches;
  return (share + kWarpThreads - 1) / kWarpThreads * kWarpThreads;
}

uint64_t Stretches(uint64_t rows) { return (rows + StretchRows(rows) - 1) / StretchRows(rows); }

__device__ RocRows Sum(const RocRows& a, const RocRows& b) {
  return {a.positives + b.positives, a.negatives + b.negatives};
}

// Won - lost of `rows` against all rows before the start of their group.
__device__ int64_t LeadOver(const RocRows& before, const RocRows& rows) {
  return rows.positives * before.negatives - rows.negatives * before.positives;
}

// 32 neighbouring rows: bit i is row i.
struct WarpRows {
  uint32_t positive;
  uint32_t negative;
  uint32_t start;
};

__device__ RocRows CountOf(const WarpRows& rows, uint32_t lanes) {
  return {__popc(rows.positive & lanes), __popc(rows.negative & lanes)};
}

// Bits below the highest one of `lanes`, which is not 0.
__device__ uint32_t BelowHighest(uint32_t lanes) {
  return (uint32_t{1} << (31 - __clz(static_cast<int>(lanes)))) - 1;
}

// Adds 32 rows to a stretch. What it counts is the same on all lanes, but for `lead`: of that each
// lane has the part of its own rows.
__device__ void AddRows(const WarpRows& rows, RocStretch* stretch) {
  const uint32_t mine = uint32_t{1} << (threadIdx.x % kWarpThreads);
  const uint32_t starts = rows.start & (mine | (mine - 1));  // up to this lane's row
  if (starts != 0) {
    const RocRows before = Sum(stretch->all, CountOf(rows, BelowHighest(starts)));
    stretch->lead += LeadOver(before, CountOf(rows, mine));
  } else if (stretch->has_start) {
    stretch->lead += LeadOver(stretch->start, CountOf(rows, mine));
  }
  if (!stretch->has_start) {
    const uint32_t open = rows.start == 0 ? kFullWarp : (rows.start & (~rows.start + 1)) - 1;
    stretch->open = Sum(stretch->open, CountOf(rows, open));
  }
  if (rows.start != 0) {
    stretch->start = Sum(stretch->all, CountOf(rows, BelowHighest(rows.start)));
    stretch->has_start = true;
  }
  stretch->all = Sum(stretch->all, CountOf(rows, kFullWarp));
}

__device__ int64_t WarpSum(int64_t value) {
  for (int apart = kWarpThreads / 2; apart > 0; apart /= 2) {
    value += __shfl_xor_sync(kFullWarp, value, apart);
  }
  return value;
}

// Sorted rows.
struct SortedRows {
  const uint32_t* keys;
  const uint8_t* positive;
};

// One warp reads one stretch, 32 rows at a time, each in one line of keys.
__global__ void StretchKernel(Predictions in, SortedRows rows, uint64_t stretch_rows,
                              RocStretch* stretches) {
  const uint64_t filled = FilledRows(in);
  const uint64_t n = uint64_t{blockIdx.x} * kBlockWarps + threadIdx.x / kWarpThreads;
  const uint32_t lane = threadIdx.x % kWarpThreads;
  const uint64_t end = min((n + 1) * stretch_rows, filled);
  const uint32_t lowest = Ordered(-FLT_MAX);
  const uint32_t highest = Ordered(FLT_MAX);
  RocStretch stretch{};
  for (uint64_t first = n * stretch_rows; first < end; first += kWarpThreads) {
    const uint64_t row = first + lane;
    const bool takes = row < end;
    const uint32_t key = takes ? rows.keys[row] : 0;
    const bool positive = takes && rows.positive[row] != 0;
    const bool starts = takes && (row == 0 || key != rows.keys[row - 1]);
    AddRows({.positive = __ballot_sync(kFullWarp, positive),
             .negative = __ballot_sync(kFullWarp, takes && !positive),
             .start = __ballot_sync(kFullWarp, starts)},
            &stretch);
    if (takes && (key < lowest || key > highest)) ++stretch.not_finite;
  }
  stretch.lead = WarpSum(stretch.lead);
  stretch.not_finite = WarpSum(stretch.not_finite);
  if (lane == 0 && n * stretch_rows < in.rows) stretches[n] = stretch;
}

// The stretch of `a` and, right behind it, `b`.
__device__ RocStretch Join(const RocStretch& a, const RocStretch& b) {
  RocStretch both = a;
  both.all = Sum(a.all, b.all);
  const RocRows behind_start = {b.all.positives - b.open.positives,
                                b.all.negatives - b.open.negatives};
  both.lead += b.lead + LeadOver(a.all, behind_start);
  if (a.has_start) {
    both.lead += LeadOver(a.start, b.open);
  } else {
    both.open = Sum(a.all, b.open);
  }
  if (b.has_start) both.start = Sum(a.all, b.start);
  both.not_finite += b.not_finite;
  both.has_start = a.has_start || b.has_start;
  return both;
}

// One block: every thread joins neighbouring stretches, the first one joins those.
__global__ void FinishRocKernel(const RocStretch* stretches, uint32_t count,
                                RocAreaResult* result) {
  __shared__ RocStretch joined[kBlockThreads];
  const uint32_t share = (count + kBlockThreads - 1) / kBlockThreads;
  const uint32_t end = min((threadIdx.x + 1) * share, count);
  RocStretch stretch{};
  for (uint32_t i = threadIdx.x * share; i < end; ++i) stretch = Join(stretch, stretches[i]);
  joined[threadIdx.x] = stretch;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (uint32_t i = 1; i < kBlockThreads; ++i) stretch = Join(stretch, joined[i]);
  const RocRows& all = stretch.all;
  const int64_t pairs = all.positives * all.negatives;
  const bool known = pairs > 0 && stretch.not_finite == 0;
  *result = {
      .area =
          known ? static_cast<double>(pairs + stretch.lead) / static_cast<double>(2 * pairs) : NAN,
      .positives = all.positives,
      .negatives = all.negatives,
      .not_finite = stretch.not_finite};
}

}  // namespace

absl::StatusOr<RocArea> RocArea::Make(uint64_t rows) {
  CHECK(rows > 0 && rows <= kMaxRows);
  RocArea area;
  area.rows_ = rows;
  ASSIGN_OR_RETURN(area.keys_, DeviceArray<uint32_t>::Make(rows));
  ASSIGN_OR_RETURN(area.sorted_keys_, DeviceArray<uint32_t>::Make(rows));
  ASSIGN_OR_RETURN(area.positive_, DeviceArray<uint8_t>::Make(rows));
  ASSIGN_OR_RETURN(area.sorted_positive_, DeviceArray<uint8_t>::Make(rows));
  ASSIGN_OR_RETURN(area.stretches_, DeviceArray<RocStretch>::Make(Stretches(rows)));
  size_t bytes = 0;
  RETURN_IF_CUDA_ERROR(area.Sort(nullptr, nullptr, bytes));
  ASSIGN_OR_RETURN(area.sort_storage_, DeviceArray<std::byte>::Make(bytes));
  return area;
}

cudaError_t RocArea::Sort(cudaStream_t stream, void* storage, size_t& bytes) {
  return cub::DeviceRadixSort::SortPairs(storage, bytes, keys_.data(), sorted_keys_.data(),
                                         positive_.data(), sorted_positive_.data(), rows_, 0, 32,
                                         stream);
}

absl::Status RocArea::Compute(StreamView stream, const Predictions& predictions,
                              RocAreaResult* result) {
  CHECK(predictions.rows == rows_);
  RETURN_IF_ERROR(Launch(stream, OneThreadEach(rows_), OrderKernel, predictions, keys_.data(),
                         positive_.data()));
  size_t bytes = sort_storage_.size();
  RETURN_IF_CUDA_ERROR(Sort(stream.get(), sort_storage_.data(), bytes));
  const SortedRows rows{sorted_keys_.data(), sorted_positive_.data()};
  RETURN_IF_ERROR(Launch(stream, OneThreadEach(stretches_.size() * kWarpThreads), StretchKernel,
                         predictions, rows, StretchRows(rows_), stretches_.data()));
  return Launch(stream, {.blocks = 1}, FinishRocKernel, stretches_.data(),
                static_cast<uint32_t>(stretches_.size()), result);
}

}  // namespace rubato
