#include "worker/compute/cuda/kernels/column_sums.h"

#include "worker/compute/cuda/device/launch.h"

namespace rubato {
namespace {

constexpr uint32_t kWarps = kBlockThreads / kWarpThreads;
// Loads of a thread that are under way at the same time.
constexpr uint32_t kInFlight = 4;

// partial[slab] for the thread's warp, every kWarps-th slab in order.
__device__ float SumOfEighth(const float* partial, uint32_t slabs, uint32_t cols) {
  float sum = 0.0F;
  for (uint32_t slab = threadIdx.x / kWarpThreads; slab < slabs; slab += kWarps * kInFlight) {
    float loaded[kInFlight];
    for (uint32_t i = 0; i < kInFlight; ++i) {
      const uint32_t s = slab + i * kWarps;
      loaded[i] = s < slabs ? partial[size_t{s} * cols] : 0.0F;
    }
    for (uint32_t i = 0; i < kInFlight; ++i) sum += loaded[i];
  }
  return sum;
}

// A block takes 32 columns of a kind, a lane a column, a warp an eighth of the slabs: reads are of
// whole lines. Reads 4 bytes a slab and column, once; bound by latency, hence kInFlight.
__global__ void FinishKernel(PartialSums partial, float* first, float* second) {
  __shared__ float eighth[kWarps][kWarpThreads];
  const uint32_t tiles = (partial.cols + kWarpThreads - 1) / kWarpThreads;
  const uint32_t kind = blockIdx.x / tiles;
  const uint32_t lane = threadIdx.x % kWarpThreads;
  const uint32_t col = blockIdx.x % tiles * kWarpThreads + lane;
  const float* from = partial.data + size_t{kind} * partial.slabs * partial.cols + col;
  eighth[threadIdx.x / kWarpThreads][lane] =
      col < partial.cols ? SumOfEighth(from, partial.slabs, partial.cols) : 0.0F;
  __syncthreads();
  if (threadIdx.x >= kWarpThreads || col >= partial.cols) return;
  float sum = 0.0F;
  for (uint32_t warp = 0; warp < kWarps; ++warp) sum += eighth[warp][lane];
  (kind == 0 ? first : second)[col] = sum;
}

}  // namespace

absl::StatusOr<ColumnSums> ColumnSums::Make(uint32_t rows, uint32_t cols, uint32_t kinds) {
  CHECK(rows > 0 && cols > 0 && kinds > 0 && kinds <= kMaxSumKinds);
  ColumnSums sums;
  sums.slabs_ = (rows + kSlabRows - 1) / kSlabRows;
  sums.cols_ = cols;
  sums.kinds_ = kinds;
  ASSIGN_OR_RETURN(sums.partial_, DeviceArray<float>::Make(size_t{kinds} * sums.slabs_ * cols));
  return sums;
}

absl::Status ColumnSums::Finish(StreamView stream, float* first, float* second) {
  const uint32_t kinds = second != nullptr ? 2 : 1;
  CHECK(kinds <= kinds_);
  const uint32_t tiles = (cols_ + kWarpThreads - 1) / kWarpThreads;
  return Launch(stream, {.blocks = tiles * kinds}, FinishKernel, partial(), first, second);
}

}  // namespace rubato
