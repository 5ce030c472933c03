// The frame of kernels that read a matrix once and sum over its rows (column_sums.h). For .cu
// files.
//
// A block takes the kSlabRows rows of a slab and a tile of as many columns as 32 packs have, a lane
// a pack, a warp every eighth row: a warp's loads are of 512 contiguous bytes, kRowsInFlight of
// them under way at a time. Blocks side by side take tiles side by side.
#pragma once

#include <algorithm>
#include <cstdint>

#include "worker/compute/cuda/device/launch.h"
#include "worker/compute/cuda/kernels/column_sums.h"
#include "worker/compute/cuda/kernels/elements.h"

namespace rubato {

inline constexpr uint32_t kSlabWarps = kBlockThreads / kWarpThreads;
inline constexpr uint32_t kRowsInFlight = 4;

template <class T>
inline constexpr uint32_t kTileCols = kWarpThreads* kWidest<T>;

template <class T>
__host__ __device__ uint32_t TilesOf(uint32_t cols) {
  return (cols + kTileCols<T> - 1) / kTileCols<T>;
}

template <class T>
LaunchShape SlabLaunch(const PartialSums& partial) {
  return {.blocks = partial.slabs * TilesOf<T>(partial.cols)};
}

// What a thread takes: rows first_row, first_row + kSlabWarps, ... < end_row of columns
// [col, col + kWidest<T>), those from `cols` on being padding.
struct SlabPosition {
  uint32_t slab = 0;
  uint32_t first_row = 0;
  uint32_t end_row = 0;
  uint32_t tile_col = 0;  // the block's first column
  uint32_t col = 0;
};

template <class T>
__device__ SlabPosition PositionInSlab(uint32_t rows, uint32_t cols) {
  const uint32_t tiles = TilesOf<T>(cols);
  SlabPosition at;
  at.slab = blockIdx.x / tiles;
  at.first_row = at.slab * kSlabRows + threadIdx.x / kWarpThreads;
  at.end_row = min(rows, (at.slab + 1) * kSlabRows);
  at.tile_col = blockIdx.x % tiles * kTileCols<T>;
  at.col = at.tile_col + threadIdx.x % kWarpThreads * kWidest<T>;
  return at;
}

// Adds up what the warps of the block summed, `sum` being of the thread's columns, and writes it as
// the slab's part of `kind`. To be called by all threads of the block. Static, as is BlockSum.
template <class T>
static __device__ void StoreSlabSums(const float (&sum)[kWidest<T>], const SlabPosition& at,
                                     const PartialSums& to, uint32_t kind) {
  __shared__ float of_warp[kSlabWarps][kTileCols<T>];
  const uint32_t in_tile = at.col - at.tile_col;
  __syncthreads();  // the sums of an earlier kind have been read
  for (uint32_t i = 0; i < kWidest<T>; ++i) {
    of_warp[threadIdx.x / kWarpThreads][in_tile + i] = sum[i];
  }
  __syncthreads();
  const uint32_t col = at.tile_col + threadIdx.x;
  if (threadIdx.x >= kTileCols<T> || col >= to.cols) return;
  float total = 0.0F;
  for (uint32_t warp = 0; warp < kSlabWarps; ++warp) total += of_warp[warp][threadIdx.x];
  to.data[(size_t{kind} * to.slabs + at.slab) * to.cols + col] = total;
}

}  // namespace rubato
