// A CPU emulator of the part of CUDA that worker/compute/cuda uses, made to find bugs: the headers
// of this folder stand in for NVIDIA's (cuda_runtime.h, cublasLt.h, cub/cub.cuh, ...), so that .cu
// files compile as C++ and every kernel and all host logic run where there is no GPU, also under
// sanitizers. What CUDA leaves open is drawn from a seed; what CUDA forbids ends the process with a
// sentence.
//
// - Nothing runs at the call that puts it on a stream, but now and then some of it does. Streams
//   advance when somebody waits, as far as the wait needs and by chance further, in an order that
//   keeps to stream order and events and to nothing else.
// - Blocks of a grid, and the threads of a block between two barriers, run one after the other in
//   a shuffled order. Barriers and warp operations that not all threads reach are fatal.
// - Fresh memory holds kPoison: NaN as float, double or bfloat16, and no sensible index. So does
//   shared memory where a block starts (not under the address sanitizer, which instead sees every
//   access outside of a shared array).
// - Device memory can be touched only while the device runs: host code that does ends with SIGSEGV.
//   The address sanitizer sees accesses outside of an allocation, or after its end.
// - Not modelled: time, caches and relaxed memory order, more than one capturing stream at a time
//   in one graph, contents of other devices (all devices share one memory).
//
// One device for the whole process, as with CUDA itself; all calls may come from any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rubato::emulator {

inline constexpr uint16_t kPoison = 0xFFF5;

// What comes of a product with an epilogue other than the default.
enum class FusedEpilogues {
  kOffered,
  kRefused,     // the heuristic finds nothing
  kInvalid,     // the heuristic says CUBLAS_STATUS_INVALID_VALUE
  kFail,        // the heuristic finds algorithms, and none runs
  kFirstFails,  // of two that it finds, the first does not run
};

// What was asked for since the process started.
struct Counts {
  uint64_t device_allocations = 0;
  uint64_t pinned_allocations = 0;
  uint64_t kernels = 0;  // launches put on a stream or into a graph
  uint64_t copies = 0;
  uint64_t graph_launches = 0;
  uint64_t waits = 0;             // of the host, for a stream, an event or the device
  uint64_t live_allocations = 0;  // now
  uint64_t live_bytes = 0;        // of device memory, now
};

// Order of everything from here on; a run with one seed is one history if one thread calls.
void SetSeed(uint64_t seed);
// Default 1; with 0 every call says cudaErrorNoDevice.
void SetDeviceCount(int count);
// Of device memory; default 16 GiB.
void SetMemoryLimit(size_t bytes);
void SetFusedEpilogues(FusedEpilogues offered);
Counts CountsSoFar();

}  // namespace rubato::emulator
