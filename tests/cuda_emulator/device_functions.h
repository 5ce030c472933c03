// Built-in variables and functions of CUDA kernels, for the emulator. Threads run one at a time, so
// an atomic operation is a plain one.
#pragma once

#include <math.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "tests/cuda_emulator/block.h"
#include "tests/cuda_emulator/vector_types.h"

extern uint3 threadIdx;
extern uint3 blockIdx;
extern dim3 blockDim;
extern dim3 gridDim;
inline constexpr int warpSize = 32;

// Barriers and warp operations ------------------------------------------------------------------

inline void __syncthreads(int line = __builtin_LINE()) { rubato::emulator::WaitForBlock(line); }
inline void __threadfence() {}
inline void __threadfence_block() {}

inline void __syncwarp(unsigned mask = 0xffffffff) {
  rubato::emulator::WaitForWarp(rubato::emulator::WarpOperation::kSync, mask, 0);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  const uint64_t* const votes = rubato::emulator::WaitForWarp(
      rubato::emulator::WarpOperation::kBallot, mask, predicate != 0 ? 1 : 0);
  unsigned ballot = 0;
  for (unsigned lane = 0; lane < 32; ++lane) {
    if ((mask >> lane & 1) != 0 && votes[lane] != 0) ballot |= 1u << lane;
  }
  return ballot;
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, predicate) == mask;
}

namespace rubato::emulator {

// The value that lane `source` brings; one's own if it is not of one's group of `width` lanes.
template <class T>
T Shuffle(unsigned mask, T value, unsigned source, int width) {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) <= sizeof(uint64_t));
  uint64_t brought = 0;
  std::memcpy(&brought, &value, sizeof(T));
  const uint64_t* const values = WaitForWarp(WarpOperation::kShuffle, mask, brought);
  const unsigned lane = LaneOfThread();
  const auto group = ~(static_cast<unsigned>(width) - 1);
  if (source >= kWarpLanes || (source & group) != (lane & group)) return value;
  if ((mask >> source & 1) == 0) FailInKernel("shuffles from a lane that its mask leaves out");
  std::memcpy(&value, &values[source], sizeof(T));
  return value;
}

}  // namespace rubato::emulator

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  const auto lanes = static_cast<unsigned>(width);
  const unsigned first = rubato::emulator::LaneOfThread() & ~(lanes - 1);
  return rubato::emulator::Shuffle(mask, value,
                                   first | (static_cast<unsigned>(source) & (lanes - 1)), width);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  return rubato::emulator::Shuffle(mask, value, rubato::emulator::LaneOfThread() + delta, width);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  return rubato::emulator::Shuffle(mask, value, rubato::emulator::LaneOfThread() - delta, width);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32) {
  return rubato::emulator::Shuffle(
      mask, value, rubato::emulator::LaneOfThread() ^ static_cast<unsigned>(lanes), width);
}

// Atomic operations: all return what was there before ---------------------------------------------

namespace rubato::emulator {

template <class T, class Change>
T Exchange(T* at, const Change& change) {
  const T before = *at;
  *at = change(before);
  return before;
}
template <class T>
T WrappingSum(T a, T b) {
  if constexpr (std::is_signed_v<T> && std::is_integral_v<T>) {
    using Wraps = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<Wraps>(a) + static_cast<Wraps>(b));
  } else {
    return a + b;
  }
}

}  // namespace rubato::emulator

#define RUBATO_ATOMIC(T)                                                       \
  inline T atomicExch(T* at, T value) {                                        \
    return rubato::emulator::Exchange(at, [&](T) { return value; });           \
  }                                                                            \
  inline T atomicAdd(T* at, T value) {                                         \
    return rubato::emulator::Exchange(                                         \
        at, [&](T old) { return rubato::emulator::WrappingSum(old, value); }); \
  }
#define RUBATO_ATOMIC_INTEGER(T)                                                                 \
  RUBATO_ATOMIC(T)                                                                               \
  inline T atomicCAS(T* at, T expected, T value) {                                               \
    return rubato::emulator::Exchange(at, [&](T old) { return old == expected ? value : old; }); \
  }                                                                                              \
  inline T atomicOr(T* at, T value) {                                                            \
    return rubato::emulator::Exchange(at, [&](T old) { return old | value; });                   \
  }                                                                                              \
  inline T atomicAnd(T* at, T value) {                                                           \
    return rubato::emulator::Exchange(at, [&](T old) { return old & value; });                   \
  }                                                                                              \
  inline T atomicMax(T* at, T value) {                                                           \
    return rubato::emulator::Exchange(at, [&](T old) { return old < value ? value : old; });     \
  }                                                                                              \
  inline T atomicMin(T* at, T value) {                                                           \
    return rubato::emulator::Exchange(at, [&](T old) { return value < old ? value : old; });     \
  }

RUBATO_ATOMIC(float)
RUBATO_ATOMIC(double)
RUBATO_ATOMIC_INTEGER(int)
RUBATO_ATOMIC_INTEGER(unsigned)
RUBATO_ATOMIC_INTEGER(unsigned long long)

#undef RUBATO_ATOMIC
#undef RUBATO_ATOMIC_INTEGER

// Memory: loads and stores with a hint for the caches ---------------------------------------------

#define RUBATO_LOAD(name) \
  template <class T>      \
  T name(const T* at) {   \
    return *at;           \
  }
#define RUBATO_STORE(name)    \
  template <class T>          \
  void name(T* at, T value) { \
    *at = value;              \
  }
RUBATO_LOAD(__ldg)
RUBATO_LOAD(__ldca)
RUBATO_LOAD(__ldcg)
RUBATO_LOAD(__ldcs)
RUBATO_STORE(__stcg)
RUBATO_STORE(__stcs)
#undef RUBATO_LOAD
#undef RUBATO_STORE

// Arithmetic ------------------------------------------------------------------------------------

// glibc declares these names for itself. Ours are more exact than a GPU's: a test's tolerance has
// to come from CUDA's documentation.
#define __expf expf
#define __logf logf
#define __log2f log2f
#define __powf powf

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __saturatef(float x) { return x > 0 ? (x < 1 ? x : 1) : 0; }

inline int __popc(unsigned x) { return std::popcount(x); }
inline int __popcll(unsigned long long x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
inline int __clzll(long long x) { return std::countl_zero(static_cast<unsigned long long>(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(uint64_t{a} * b >> 32);
}
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return static_cast<unsigned long long>(static_cast<unsigned __int128>(a) * b >> 64);
}
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }

// Mixed arguments that nvcc would call ambiguous are ambiguous here.
#define RUBATO_MIN_MAX(T)                             \
  constexpr T min(T a, T b) { return b < a ? b : a; } \
  constexpr T max(T a, T b) { return a < b ? b : a; }
RUBATO_MIN_MAX(int)
RUBATO_MIN_MAX(unsigned)
RUBATO_MIN_MAX(long)
RUBATO_MIN_MAX(unsigned long)
RUBATO_MIN_MAX(long long)
RUBATO_MIN_MAX(unsigned long long)
#undef RUBATO_MIN_MAX
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }
