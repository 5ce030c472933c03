// Elements of activations, float or bfloat16, one by one and 16 bytes at a time. For .cu files.
//
// A pack is what one thread loads or stores with one instruction; its address is a multiple of 16.
// A warp then moves 512 contiguous bytes, four whole lines of memory.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

namespace rubato {

template <class T>
struct alignas(16) Pack {
  static constexpr uint32_t kSize = 16 / sizeof(T);
  T at[kSize];
};

__device__ inline float ToFloat(float v) { return v; }
__device__ inline float ToFloat(__nv_bfloat16 v) { return __bfloat162float(v); }

// To the nearest; ties to even.
template <class T>
__device__ T FromFloat(float v);
template <>
__device__ inline float FromFloat<float>(float v) {
  return v;
}
template <>
__device__ inline __nv_bfloat16 FromFloat<__nv_bfloat16>(float v) {
  return __float2bfloat16(v);
}

template <class T>
__device__ Pack<T> LoadPack(const T* from) {
  return *reinterpret_cast<const Pack<T>*>(from);
}

template <class T>
__device__ void StorePack(T* to, const Pack<T>& pack) {
  *reinterpret_cast<Pack<T>*>(to) = pack;
}

// to[i] = from[i] for i < count, else 0; `from` is a multiple of 16 bytes.
template <uint32_t kCount, class T>
__device__ void LoadFloats(const T* from, uint32_t count, float (&to)[kCount]) {
  constexpr uint32_t kPack = Pack<T>::kSize;
  static_assert(kCount % kPack == 0);
  if (count >= kCount) {
    for (uint32_t p = 0; p < kCount; p += kPack) {
      const Pack<T> pack = LoadPack(from + p);
      for (uint32_t i = 0; i < kPack; ++i) to[p + i] = ToFloat(pack.at[i]);
    }
  } else {
    for (uint32_t i = 0; i < kCount; ++i) to[i] = i < count ? ToFloat(from[i]) : 0.0F;
  }
}

}  // namespace rubato
