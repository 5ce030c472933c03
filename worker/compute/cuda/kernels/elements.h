// How kernels read and write matrices whose elements are float or bfloat16, and compute in float:
// one element at a time, or a pack of neighbours as one access of 8 or 16 bytes. For .cu files.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "worker/compute/cuda/device/launch.h"

namespace rubato {

__device__ inline float ToFloat(float x) { return x; }
__device__ inline float ToFloat(__nv_bfloat16 x) { return __bfloat162float(x); }

template <class T>
__device__ T FromFloat(float x);
template <>
__device__ inline float FromFloat<float>(float x) {
  return x;
}
// To the nearest, ties to even.
template <>
__device__ inline __nv_bfloat16 FromFloat<__nv_bfloat16>(float x) {
  return __float2bfloat16(x);
}

// Elements side by side, moved as one.
template <class T, uint32_t kWide>
struct alignas(sizeof(T) * kWide) Pack {
  T at[kWide];
};
template <uint32_t kWide>
using FloatPack = Pack<float, kWide>;

// The widest: 16 bytes, what one thread moves with one instruction. A warp then moves 512
// contiguous bytes, four whole lines of memory.
template <class T>
inline constexpr uint32_t kWidest = 16 / sizeof(T);
template <class T>
using WidestPack = Pack<T, kWidest<T>>;

template <uint32_t kWide>
__device__ FloatPack<kWide> ZeroPack() {
  FloatPack<kWide> zero;
#pragma unroll
  for (uint32_t w = 0; w < kWide; ++w) zero.at[w] = 0.0F;
  return zero;
}

// sum += factor * x
template <uint32_t kWide>
__device__ void AddScaled(float factor, const FloatPack<kWide>& x, FloatPack<kWide>* sum) {
#pragma unroll
  for (uint32_t w = 0; w < kWide; ++w) sum->at[w] += factor * x.at[w];
}

// Requires that `from` is aligned to kWide elements.
template <uint32_t kWide, class T>
__device__ FloatPack<kWide> LoadPack(const T* from) {
  const Pack<T, kWide> in = *reinterpret_cast<const Pack<T, kWide>*>(from);
  FloatPack<kWide> out;
#pragma unroll
  for (uint32_t w = 0; w < kWide; ++w) out.at[w] = ToFloat(in.at[w]);
  return out;
}

// The same from any address, in kWide accesses.
template <uint32_t kWide, class T>
__device__ FloatPack<kWide> LoadUnaligned(const T* from) {
  FloatPack<kWide> out;
#pragma unroll
  for (uint32_t w = 0; w < kWide; ++w) out.at[w] = ToFloat(from[w]);
  return out;
}

// Requires that `to` is aligned to kWide elements.
template <uint32_t kWide, class T>
__device__ void StorePack(const FloatPack<kWide>& from, T* to) {
  Pack<T, kWide> out;
#pragma unroll
  for (uint32_t w = 0; w < kWide; ++w) out.at[w] = FromFloat<T>(from.at[w]);
  *reinterpret_cast<Pack<T, kWide>*>(to) = out;
}

// As they are, from and to multiples of 16 bytes.
template <class T>
__device__ WidestPack<T> LoadWidest(const T* from) {
  return *reinterpret_cast<const WidestPack<T>*>(from);
}
template <class T>
__device__ void StoreWidest(const WidestPack<T>& from, T* to) {
  *reinterpret_cast<WidestPack<T>*>(to) = from;
}

// to[i] = from[i] for i < count, else 0; `from` is a multiple of 16 bytes.
template <uint32_t kCount, class T>
__device__ void LoadFirst(const T* from, uint32_t count, float (&to)[kCount]) {
  static_assert(kCount % kWidest<T> == 0);
  if (count >= kCount) {
    for (uint32_t p = 0; p < kCount; p += kWidest<T>) {
      const WidestPack<T> pack = LoadWidest(from + p);
      for (uint32_t i = 0; i < kWidest<T>; ++i) to[p + i] = ToFloat(pack.at[i]);
    }
  } else {
    for (uint32_t i = 0; i < kCount; ++i) to[i] = i < count ? ToFloat(from[i]) : 0.0F;
  }
}

// Sum over the lanes of a warp that differ only in the bits from `least` up: every lane gets it,
// always added in the same order. All lanes call it.
__device__ inline float SumOverLanes(float x, uint32_t least) {
  for (uint32_t step = 16; step >= least; step /= 2) {
    x += __shfl_xor_sync(kFullWarp, x, static_cast<int>(step));
  }
  return x;
}

// Whether four elements can be moved as one, from `data` on and at multiples of four behind it.
template <class T>
bool AlignedToFour(const T* data) {
  return reinterpret_cast<uintptr_t>(data) % (4 * sizeof(T)) == 0;
}

}  // namespace rubato
