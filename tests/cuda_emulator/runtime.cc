// The runtime's calls: devices, memory, errors and launches. Streams and graphs: streams.cc.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_format.h"
#include "tests/cuda_emulator/api.h"
#include "tests/cuda_emulator/block.h"
#include "tests/cuda_emulator/cuda_runtime.h"
#include "tests/cuda_emulator/device.h"
#include "tests/cuda_emulator/emulator.h"

using rubato::MutexLock;
using rubato::emulator::Device;
using rubato::emulator::Memory;
using rubato::emulator::MemoryKind;
using rubato::emulator::NoteError;
using rubato::emulator::TheDevice;

namespace rubato::emulator {
namespace {

constexpr unsigned kMaxThreads = 1024;

struct ErrorText {
  cudaError_t code;
  const char* name;
  const char* text;
};
constexpr ErrorText kErrors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration",
     "invalid configuration argument"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorDevicesUnavailable, "cudaErrorDevicesUnavailable",
     "CUDA-capable device(s) is/are busy or unavailable"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorIllegalState, "cudaErrorIllegalState",
     "the operation cannot be performed in the present state"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
    {cudaErrorSystemNotReady, "cudaErrorSystemNotReady", "system not yet initialized"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
     "operation failed due to a previous error during capture"},
    {cudaErrorStreamCaptureUnmatched, "cudaErrorStreamCaptureUnmatched",
     "capture was not initiated in this stream"},
    {cudaErrorStreamCaptureUnjoined, "cudaErrorStreamCaptureUnjoined",
     "capture sequence contains a fork that was not joined to the primary stream"},
    {cudaErrorStreamCaptureIsolation, "cudaErrorStreamCaptureIsolation",
     "dependency created on uncaptured work in another stream"},
    {cudaErrorCapturedEvent, "cudaErrorCapturedEvent",
     "operation not permitted on an event last recorded in a capturing stream"},
    {cudaErrorStreamCaptureWrongThread, "cudaErrorStreamCaptureWrongThread",
     "attempt to terminate a thread-local capture sequence from another thread"},
};

const ErrorText& TextOf(cudaError_t code) {
  for (const ErrorText& error : kErrors) {
    if (error.code == code) return error;
  }
  static constexpr ErrorText kUnknown = {cudaSuccess, "unrecognized error code",
                                         "unrecognized error code"};
  return kUnknown;
}

thread_local cudaError_t last_error = cudaSuccess;
thread_local int current_device = 0;

}  // namespace

cudaError_t NoteError(cudaError_t code) {
  if (code != cudaSuccess && code != cudaErrorNotReady) last_error = code;
  return code;
}

void Fail(const std::string& what) {
  std::fprintf(stderr, "CUDA emulator: %s\n", what.c_str());
  std::abort();
}

cudaError_t LaunchKernel(const cudaLaunchConfig_t& config, Work thread) {
  const dim3& grid = config.gridDim;
  const dim3& block = config.blockDim;
  if (grid.x == 0 || grid.x >= 1u << 31 || block.x == 0 || block.x > kMaxThreads) {
    return NoteError(cudaErrorInvalidConfiguration);
  }
  if (grid.y * grid.z != 1 || block.y * block.z != 1 || config.dynamicSmemBytes != 0 ||
      config.numAttrs != 0) {
    return NoteError(cudaErrorNotSupported);  // by the emulator
  }
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  ++device.counts.kernels;
  return NoteError(device.Put(
      config.stream,
      [&device, size = GridSize{grid.x, block.x}, thread = std::move(thread)]()
          RUBATO_THREAD(no_thread_safety_analysis) { RunGrid(size, thread, device.rng); }));
}

cudaError_t PutLibraryWork(cudaStream_t stream, Work work) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  ++device.counts.kernels;
  return NoteError(device.Put(stream, std::move(work)));
}

void CheckAccess(const char* what, const void* memory, size_t bytes) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  MemoryKind kind = MemoryKind::kPageable;
  if (bytes == 0 || (device.memory.Find(memory, bytes, &kind) && kind != MemoryKind::kPageable))
    return;
  Fail(absl::StrFormat("%s: %d bytes at %p are not in one allocation", what, bytes, memory));
}

void SetSeed(uint64_t seed) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  device.rng = Rng(seed);
  device.bias_rounding.zero_is_positive = device.rng.Below(2) == 0;
  device.bias_rounding.comes_first = device.rng.Below(2) == 0;
}

void SetDeviceCount(int count) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  device.device_count = count;
}

void SetMemoryLimit(size_t bytes) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  device.memory.limit = bytes;
}

void SetFusedEpilogues(FusedEpilogues offered) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  device.fused_epilogues = offered;
}

Counts CountsSoFar() {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  Counts counts = device.counts;
  counts.live_allocations = device.memory.live_allocations();
  counts.live_bytes = device.memory.live_bytes();
  return counts;
}

}  // namespace rubato::emulator

using rubato::emulator::current_device;
using rubato::emulator::last_error;
using rubato::emulator::TextOf;

const char* cudaGetErrorName(cudaError_t code) { return TextOf(code).name; }
const char* cudaGetErrorString(cudaError_t code) { return TextOf(code).text; }
cudaError_t cudaPeekAtLastError() { return last_error; }
cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }

// Devices ----------------------------------------------------------------------------------------

cudaError_t cudaGetDeviceCount(int* count) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  *count = device.device_count;
  return NoteError(*count == 0 ? cudaErrorNoDevice : cudaSuccess);
}

cudaError_t cudaSetDevice(int number) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  if (device.device_count == 0) return NoteError(cudaErrorNoDevice);
  if (number < 0 || number >= device.device_count) return NoteError(cudaErrorInvalidDevice);
  current_device = number;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* number) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  if (device.device_count == 0) return NoteError(cudaErrorNoDevice);
  *number = current_device;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int number) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  if (device.device_count == 0) return NoteError(cudaErrorNoDevice);
  if (number < 0 || number >= device.device_count) return NoteError(cudaErrorInvalidDevice);
  *properties = {};
  std::snprintf(properties->name, sizeof(properties->name), "CPU emulator");
  properties->totalGlobalMem = device.memory.limit;
  properties->major = 9;
  properties->multiProcessorCount = 132;
  properties->warpSize = 32;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}

// Memory -----------------------------------------------------------------------------------------

cudaError_t cudaMalloc(void** memory, size_t bytes) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  if (device.device_count == 0) return NoteError(cudaErrorNoDevice);
  if (memory == nullptr) return NoteError(cudaErrorInvalidValue);
  if (const cudaError_t code = device.RefuseInCapture(); code != cudaSuccess) {
    return NoteError(code);
  }
  ++device.counts.device_allocations;
  *memory = nullptr;
  if (bytes == 0) return cudaSuccess;
  *memory = device.memory.AllocateDevice(bytes);
  return NoteError(*memory == nullptr ? cudaErrorMemoryAllocation : cudaSuccess);
}

cudaError_t cudaMallocHost(void** memory, size_t bytes) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  if (device.device_count == 0) return NoteError(cudaErrorNoDevice);
  if (memory == nullptr) return NoteError(cudaErrorInvalidValue);
  if (const cudaError_t code = device.RefuseInCapture(); code != cudaSuccess) {
    return NoteError(code);
  }
  ++device.counts.pinned_allocations;
  *memory = nullptr;
  if (bytes == 0) return cudaSuccess;
  *memory = device.memory.AllocatePinned(bytes);
  return NoteError(*memory == nullptr ? cudaErrorMemoryAllocation : cudaSuccess);
}

namespace rubato::emulator {
namespace {

// The device is done with everything before memory goes.
cudaError_t Free(MemoryKind kind, void* memory) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  if (memory == nullptr) return cudaSuccess;
  if (const cudaError_t code = device.RefuseInCapture(); code != cudaSuccess) {
    return NoteError(code);
  }
  device.RunAll();
  return NoteError(device.memory.Free(kind, memory) ? cudaSuccess : cudaErrorInvalidValue);
}

}  // namespace
}  // namespace rubato::emulator

cudaError_t cudaFree(void* memory) { return rubato::emulator::Free(MemoryKind::kDevice, memory); }
cudaError_t cudaFreeHost(void* memory) {
  return rubato::emulator::Free(MemoryKind::kPinned, memory);
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  if (device.device_count == 0) return NoteError(cudaErrorNoDevice);
  *total = device.memory.limit;
  *free = device.memory.limit - device.memory.live_bytes();
  return cudaSuccess;
}
