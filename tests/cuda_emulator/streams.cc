// The runtime's calls: streams, events, copies and graphs.
#include <cstring>
#include <utility>

#include "tests/cuda_emulator/api.h"
#include "tests/cuda_emulator/device.h"

using rubato::MutexLock;
using rubato::emulator::Capture;
using rubato::emulator::Device;
using rubato::emulator::MemoryKind;
using rubato::emulator::NoteError;
using rubato::emulator::TheDevice;
using rubato::emulator::Work;

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  *least = 0;
  *greatest = -5;
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return cudaStreamCreateWithPriority(stream, flags, 0);
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int /*priority*/) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  if (device.device_count == 0) return NoteError(cudaErrorNoDevice);
  if (flags > cudaStreamNonBlocking) return NoteError(cudaErrorInvalidValue);
  *stream = device.MakeStream();
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  if (!device.Has(stream)) return NoteError(cudaErrorInvalidResourceHandle);
  device.DestroyStream(stream);
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  if (!device.Has(stream)) return NoteError(cudaErrorInvalidResourceHandle);
  if (const cudaError_t code = device.RefuseInCapture(stream); code != cudaSuccess) {
    return NoteError(code);
  }
  ++device.counts.waits;
  device.RunStream(stream);
  return cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  if (!device.Has(stream)) return NoteError(cudaErrorInvalidResourceHandle);
  if (const cudaError_t code = device.RefuseInCapture(stream); code != cudaSuccess) {
    return NoteError(code);
  }
  device.RunSome();
  return stream->queue.empty() ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaDeviceSynchronize() {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  if (device.device_count == 0) return NoteError(cudaErrorNoDevice);
  if (const cudaError_t code = device.RefuseInCapture(); code != cudaSuccess) {
    return NoteError(code);
  }
  ++device.counts.waits;
  device.RunAll();
  return cudaSuccess;
}

// Events -----------------------------------------------------------------------------------------

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned /*flags*/) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  if (device.device_count == 0) return NoteError(cudaErrorNoDevice);
  *event = new CUevent_st;
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  if (event == nullptr) return NoteError(cudaErrorInvalidResourceHandle);
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  return NoteError(device.Record(event, stream));
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned /*flags*/) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  return NoteError(device.Wait(stream, event));
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  if (event == nullptr) return NoteError(cudaErrorInvalidResourceHandle);
  if (const cudaError_t code = device.RefuseInCapture(); code != cudaSuccess) {
    return NoteError(code);
  }
  if (event->captured) return NoteError(cudaErrorCapturedEvent);
  ++device.counts.waits;
  if (event->newest != nullptr) device.RunUntil(*event->newest);
  return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  if (event == nullptr) return NoteError(cudaErrorInvalidResourceHandle);
  if (const cudaError_t code = device.RefuseInCapture(); code != cudaSuccess) {
    return NoteError(code);
  }
  if (event->captured) return NoteError(cudaErrorCapturedEvent);
  device.RunSome();
  return event->newest == nullptr || event->newest->reached ? cudaSuccess : cudaErrorNotReady;
}

// Copies -----------------------------------------------------------------------------------------

namespace {

// kDefault takes any.
bool Fits(cudaMemcpyKind kind, MemoryKind to, MemoryKind from) {
  if (kind == cudaMemcpyDefault) return true;
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  return to_device == (to == MemoryKind::kDevice) && from_device == (from == MemoryKind::kDevice);
}

}  // namespace

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  MemoryKind to_kind = MemoryKind::kPageable;
  MemoryKind from_kind = MemoryKind::kPageable;
  if (!device.memory.Find(to, bytes, &to_kind) || !device.memory.Find(from, bytes, &from_kind) ||
      !Fits(kind, to_kind, from_kind)) {
    return NoteError(cudaErrorInvalidValue);
  }
  // CUDA allows it, and makes the host wait.
  if (bytes > 0 && (to_kind == MemoryKind::kPageable || from_kind == MemoryKind::kPageable)) {
    rubato::emulator::Fail("cudaMemcpyAsync from or to host memory that is not pinned");
  }
  ++device.counts.copies;
  return NoteError(device.Put(stream, [=] { std::memcpy(to, from, bytes); }));
}

cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t stream) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  MemoryKind kind = MemoryKind::kPageable;
  if (!device.memory.Find(memory, bytes, &kind) || kind == MemoryKind::kPageable) {
    return NoteError(cudaErrorInvalidValue);
  }
  return NoteError(device.Put(stream, [=] { std::memset(memory, value, bytes); }));
}

// Graphs -----------------------------------------------------------------------------------------

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  if (!device.Has(stream)) return NoteError(cudaErrorInvalidResourceHandle);
  if (stream->capture != nullptr) return NoteError(cudaErrorIllegalState);
  stream->capture = std::make_shared<Capture>();
  stream->capture->thread = std::this_thread::get_id();
  stream->capture->mode = mode;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  *graph = nullptr;
  if (!device.Has(stream)) return NoteError(cudaErrorInvalidResourceHandle);
  if (stream->capture == nullptr) return NoteError(cudaErrorIllegalState);
  if (stream->capture->mode != cudaStreamCaptureModeRelaxed &&
      stream->capture->thread != std::this_thread::get_id()) {
    return NoteError(cudaErrorStreamCaptureWrongThread);
  }
  const std::shared_ptr<Capture> capture = std::exchange(stream->capture, nullptr);
  if (capture->invalid) return NoteError(cudaErrorStreamCaptureInvalidated);
  *graph = new CUgraph_st{.work = std::move(capture->work)};
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  if (!device.Has(stream)) return NoteError(cudaErrorInvalidResourceHandle);
  *status = stream->capture == nullptr ? cudaStreamCaptureStatusNone
            : stream->capture->invalid ? cudaStreamCaptureStatusInvalidated
                                       : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  if (graph == nullptr) return NoteError(cudaErrorInvalidValue);
  *exec = new CUgraphExec_st{.work = std::make_shared<const std::vector<Work>>(graph->work)};
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  if (exec == nullptr) return NoteError(cudaErrorInvalidValue);
  ++device.counts.graph_launches;
  return NoteError(device.Put(stream, [work = exec->work] {
    for (const Work& each : *work) each();
  }));
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  if (exec == nullptr) return NoteError(cudaErrorInvalidValue);
  delete exec;
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  if (graph == nullptr) return NoteError(cudaErrorInvalidValue);
  delete graph;
  return cudaSuccess;
}
