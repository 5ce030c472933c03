// The part of CUDA's kernel language that worker/compute/cuda uses, as C++: keywords, built-in
// variables, and launches; the functions that kernels call stand in device_functions.h.
//
// Grids and blocks have one dimension. `alignas(16) __shared__ float x[4]` is the order that both
// compilers take.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "tests/cuda_emulator/device_functions.h"
#include "tests/sanitizers.h"

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))

// Blocks run one after the other, so one array serves them all. All arrays lie in one section, to
// be poisoned together; the address sanitizer does not watch arrays of a named section, so under it
// they are plain. g++ refuses to put variables of templates and others into one section: it is told
// different names, and the assembler takes what is behind # as a comment.
#if defined(RUBATO_ASAN) || !(defined(__clang__) || defined(__x86_64__))
#define __shared__ static
#elif defined(__clang__)
#define __shared__ static __attribute__((section("rubato_shared")))
#else
#define RUBATO_SHARED_TEXT(number) "rubato_shared,\"aw\",@progbits#" #number
#define RUBATO_SHARED(number) static __attribute__((section(RUBATO_SHARED_TEXT(number))))
#define __shared__ RUBATO_SHARED(__COUNTER__)
#endif

struct cudaLaunchAttribute;
struct cudaLaunchConfig_t {
  dim3 gridDim;
  dim3 blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
  cudaLaunchAttribute* attrs;
  unsigned numAttrs;
};

namespace rubato::emulator {

// Puts `thread` on the stream of `config`, to be called by every thread of the grid.
cudaError_t LaunchKernel(const cudaLaunchConfig_t& config, std::function<void()> thread);

}  // namespace rubato::emulator

// The arguments are copied here and now.
template <class... Formal, class... Actual>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Formal...),
                               Actual&&... actual) {
  static_assert((std::is_trivially_copyable_v<Formal> && ...), "arguments are copied bytewise");
  static_assert((sizeof(Formal) + ... + size_t{0}) <= 4096, "too many bytes of arguments");
  return rubato::emulator::LaunchKernel(
      *config, [kernel, arguments = std::tuple<Formal...>(std::forward<Actual>(actual)...)] {
        std::apply(kernel, arguments);
      });
}
