#include "worker/compute/cuda/kernels/metrics.h"

#include <cmath>

#include "common/base/status.h"
#include "worker/compute/cuda/kernels/block_sum.h"

namespace rubato {
namespace {

constexpr uint32_t kSums = 4;  // of PredictionSums
constexpr double kProbabilityMargin = 1e-15;

// Reads 8 to 12 bytes a row, neighbouring threads neighbouring rows; two logarithms in double
// precision a row take less time than that on devices of full double rate, which are those we build
// for.
__global__ void SumRowsKernel(Predictions in, double* partials) {
  const uint64_t filled = in.filled == nullptr ? in.rows : min(in.rows, uint64_t{in.filled->rows});
  PredictionSums sums;
  const uint64_t step = uint64_t{gridDim.x} * kBlockThreads;
  for (uint64_t row = uint64_t{blockIdx.x} * kBlockThreads + threadIdx.x; row < filled;
       row += step) {
    const double weight = in.weight == nullptr ? 1.0 : static_cast<double>(in.weight[row]);
    const auto p = static_cast<double>(in.probability[row]);
    const bool positive = in.label[row] > 0.5F;
    // Not fmin and fmax: what is not a number stays so.
    const double low = p < kProbabilityMargin ? kProbabilityMargin : p;
    const double kept = low > 1.0 - kProbabilityMargin ? 1.0 - kProbabilityMargin : low;
    const double miss = positive ? 1.0 - p : p;
    sums.weight += weight;
    sums.positives += positive ? weight : 0.0;
    sums.log_loss -= weight * (positive ? log(kept) : log1p(-kept));
    sums.brier += weight * miss * miss;
  }
  const double of_block[kSums] = {BlockSum(sums.weight), BlockSum(sums.positives),
                                  BlockSum(sums.log_loss), BlockSum(sums.brier)};
  if (threadIdx.x != 0) return;
  for (uint32_t v = 0; v < kSums; ++v) partials[v * gridDim.x + blockIdx.x] = of_block[v];
}

__global__ void FinishSumsKernel(const double* partials, uint32_t blocks, PredictionSums* sums) {
  const PredictionSums all = {.weight = SumOfPartials(partials, blocks),
                              .positives = SumOfPartials(partials + blocks, blocks),
                              .log_loss = SumOfPartials(partials + 2 * blocks, blocks),
                              .brier = SumOfPartials(partials + 3 * blocks, blocks)};
  if (threadIdx.x == 0) *sums = all;
}

}  // namespace

size_t PredictionPartials(uint64_t rows) { return size_t{kSums} * PartialBlocks(rows).blocks; }

absl::Status SumPredictions(StreamView stream, const Predictions& predictions, double* partials,
                            PredictionSums* sums) {
  const LaunchShape shape = PartialBlocks(predictions.rows);
  RETURN_IF_ERROR(Launch(stream, shape, SumRowsKernel, predictions, partials));
  return Launch(stream, {.blocks = 1}, FinishSumsKernel, partials, shape.blocks, sums);
}

}  // namespace rubato
