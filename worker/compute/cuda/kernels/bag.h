// Sums over the sparse features of a row, for kernels that give a row to a warp. For .cu files.
//
// Group g of the warp adds up features g, g + groups, ... of the row, and the sums of the groups
// are added at the end: always in the same order, so that the same batch gives the same bits.
//
// Bound by bytes: an embedding is a random row of the weights, of whole sectors of 32 bytes if dim
// is a multiple of 8. Each lane has kBagLoads of them in flight, a warp of dim 16 thus 32.
#pragma once

#include <cstddef>
#include <cstdint>

#include "worker/compute/cuda/kernels/elements.h"
#include "worker/compute/cuda/kernels/features.h"
#include "worker/compute/cuda/kernels/warp_group.h"

namespace rubato {

inline constexpr uint32_t kBagLoads = 4;

// In device memory.
struct Bag {
  const uint32_t* row_begin = nullptr;  // [rows + 1]; nullptr: no sparse features
  const uint32_t* positions = nullptr;  // [sparse]
  const float* values = nullptr;        // [sparse]; nullptr: all are 1
  const float* weights = nullptr;       // [*, dim]
  uint32_t dim = 0;
};

inline Bag BagOf(const Features& features, const float* weights, uint32_t dim) {
  return {.row_begin = features.row_begin,
          .positions = features.positions + features.counts.categories(),
          .values = features.sparse_value,
          .weights = weights,
          .dim = dim};
}

// Features begin, begin + step, ... < end.
struct FeatureRange {
  uint32_t begin = 0;
  uint32_t end = 0;
  uint32_t step = 1;
};

// kSquares: kWide, or 1 for those of the whole pack together.
template <uint32_t kWide, uint32_t kSquares = 1>
struct BagSums {
  FloatPack<kWide> sum = ZeroPack<kWide>();            // of value * weight
  FloatPack<kSquares> squares = ZeroPack<kSquares>();  // of (value * weight)^2
};

// Adds floats [at, at + kWide) of the features' embeddings.
template <uint32_t kWide, uint32_t kSquares>
__device__ void AddBag(const Bag& bag, const FeatureRange& range, uint32_t at,
                       BagSums<kWide, kSquares>* sums) {
  for (uint32_t first = range.begin; first < range.end; first += kBagLoads * range.step) {
    uint32_t position[kBagLoads];
    float value[kBagLoads];
#pragma unroll
    for (uint32_t k = 0; k < kBagLoads; ++k) {
      const uint32_t i = first + k * range.step;
      position[k] = i < range.end ? bag.positions[i] : kNoRow;
      value[k] = i < range.end && bag.values != nullptr ? bag.values[i] : 1.0F;
    }
    FloatPack<kWide> weight[kBagLoads];
#pragma unroll
    for (uint32_t k = 0; k < kBagLoads; ++k) {
      weight[k] = position[k] == kNoRow
                      ? ZeroPack<kWide>()
                      : LoadPack<kWide>(bag.weights + size_t{position[k]} * bag.dim + at);
    }
#pragma unroll
    for (uint32_t k = 0; k < kBagLoads; ++k) {
#pragma unroll
      for (uint32_t w = 0; w < kWide; ++w) {
        const float term = value[k] * weight[k].at[w];
        sums->sum.at[w] += term;
        sums->squares.at[w % kSquares] += term * term;
      }
    }
  }
}

}  // namespace rubato
