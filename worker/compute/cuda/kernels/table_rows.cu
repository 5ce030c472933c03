#include "worker/compute/cuda/kernels/table_rows.h"

#include "worker/compute/cuda/device/launch.h"

namespace rubato {
namespace {

__global__ void PositionsKernel(const uint64_t* keys, uint32_t count, uint32_t* positions) {
  const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= count) return;
  positions[i] = keys[i] == kNoKey ? kNoRow : static_cast<uint32_t>(keys[i]);
}

// A thread a float: rows are read when somebody evaluates, never in a step.
__global__ void GatherRowsKernel(RowGather gather, float* to) {
  const uint64_t i = uint64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= gather.count * gather.dim) return;
  to[i] = gather.weights[gather.keys[i / gather.dim] * gather.dim + i % gather.dim];
}

__global__ void AddLossKernel(const double* loss, const BatchCounts* filled, LossTotals* totals) {
  const double rows = filled->rows;
  totals->loss += *loss * rows;
  totals->rows += rows;
}

}  // namespace

absl::Status PositionsOfKeys(StreamView stream, const uint64_t* keys, uint32_t count,
                             uint32_t* positions) {
  return Launch(stream, OneThreadEach(count), PositionsKernel, keys, count, positions);
}

absl::Status GatherRows(StreamView stream, const RowGather& gather, float* to) {
  return Launch(stream, OneThreadEach(gather.count * gather.dim), GatherRowsKernel, gather, to);
}

absl::Status AddLoss(StreamView stream, const double* loss, const BatchCounts* filled,
                     LossTotals* totals) {
  return Launch(stream, {.blocks = 1, .threads = 1}, AddLossKernel, loss, filled, totals);
}

}  // namespace rubato
