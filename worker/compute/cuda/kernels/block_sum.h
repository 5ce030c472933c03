// Sums over a block, and over the blocks of a launch, always in the same order: the same values
// give the same bits. For .cu files; blocks of kBlockThreads, all threads of a block call.
//
// A launch of B blocks leaves "partials": value v of block b at partials[v * B + b]. A second
// launch, of one block a value, adds them up.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "worker/compute/cuda/device/launch.h"

namespace rubato {

// Blocks that leave partials: enough to fill every device we build for (132 processors, 8 blocks
// each), few enough that one block adds them up with four loads a thread.
inline constexpr uint32_t kMaxPartialBlocks = 1024;

// At least one, also without items: a sum of nothing is 0.
inline LaunchShape PartialBlocks(uint64_t items) {
  const uint64_t blocks = (items + kBlockThreads - 1) / kBlockThreads;
  if (blocks == 0) return {.blocks = 1};
  return {.blocks = blocks < kMaxPartialBlocks ? static_cast<uint32_t>(blocks) : kMaxPartialBlocks};
}

// The sum of `value` over the threads of the block, on thread 0. Static, as is what calls it: where
// kernels run on the CPU, two files cannot share a shared array.
static __device__ inline double BlockSum(double value) {
  __shared__ double warps[kBlockThreads / kWarpThreads];
  for (uint32_t lanes = kWarpThreads / 2; lanes > 0; lanes /= 2) {
    value += __shfl_down_sync(kFullWarp, value, lanes);
  }
  __syncthreads();  // the sum before this one has been read
  if (threadIdx.x % kWarpThreads == 0) warps[threadIdx.x / kWarpThreads] = value;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (uint32_t warp = 1; warp < kBlockThreads / kWarpThreads; ++warp) value += warps[warp];
  }
  return value;
}

// The sum of partials[blocks], on thread 0.
static __device__ inline double SumOfPartials(const double* partials, uint32_t blocks) {
  double sum = 0.0;
  for (uint32_t i = threadIdx.x; i < blocks; i += kBlockThreads) sum += partials[i];
  return BlockSum(sum);
}

}  // namespace rubato
