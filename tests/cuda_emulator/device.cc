#include "tests/cuda_emulator/device.h"

#include <algorithm>
#include <utility>

namespace rubato::emulator {
namespace {

bool IsBlocked(const CUstream_st& stream) {
  return stream.queue.front().wait != nullptr && !stream.queue.front().wait->reached;
}

}  // namespace

cudaStream_t Device::MakeStream() {
  streams_.push_back(std::make_unique<CUstream_st>());
  return streams_.back().get();
}

void Device::DestroyStream(cudaStream_t stream) {
  stream->destroyed = true;
  stream->capture.reset();
  if (stream->queue.empty()) Forget(stream);
}

void Device::Forget(cudaStream_t stream) {
  std::erase_if(streams_, [&](const auto& held) { return held.get() == stream; });
}

bool Device::Has(cudaStream_t stream) {
  return std::any_of(streams_.begin(), streams_.end(),
                     [&](const auto& held) { return held.get() == stream && !held->destroyed; });
}

cudaError_t Device::Put(cudaStream_t stream, Work work) {
  if (!Has(stream)) return cudaErrorInvalidResourceHandle;
  if (Capture* const capture = stream->capture.get(); capture != nullptr) {
    if (capture->invalid) return cudaErrorStreamCaptureInvalidated;
    capture->work.push_back(std::move(work));
    return cudaSuccess;
  }
  stream->queue.push_back({.work = std::move(work), .reach = nullptr, .wait = nullptr});
  RunSome();
  return cudaSuccess;
}

cudaError_t Device::Record(cudaEvent_t event, cudaStream_t stream) {
  if (!Has(stream) || event == nullptr) return cudaErrorInvalidResourceHandle;
  Capture* const capture = stream->capture.get();
  if (capture != nullptr && capture->invalid) return cudaErrorStreamCaptureInvalidated;
  event->captured = stream->capture;
  event->newest = std::make_shared<Mark>(Mark{.stream = stream});
  if (capture == nullptr) {
    stream->queue.push_back({.work = nullptr, .reach = event->newest, .wait = nullptr});
  }
  return cudaSuccess;
}

cudaError_t Device::Wait(cudaStream_t stream, cudaEvent_t event) {
  if (!Has(stream) || event == nullptr) return cudaErrorInvalidResourceHandle;
  Capture* const capture = stream->capture.get();
  if (capture != nullptr && capture->invalid) return cudaErrorStreamCaptureInvalidated;
  if (event->newest == nullptr) return cudaSuccess;
  if (event->captured != stream->capture) {
    // A second stream joins the capture, which CUDA allows and the backend does not do; or the
    // capture waits for what lies outside of it.
    if (capture == nullptr) return cudaErrorNotSupported;
    capture->invalid = true;
    return cudaErrorStreamCaptureIsolation;
  }
  if (capture == nullptr) {
    stream->queue.push_back({.work = nullptr, .reach = nullptr, .wait = event->newest});
  }
  return cudaSuccess;
}

void Device::Step(cudaStream_t stream) {
  // What holds it up is at the head of another stream, or behind work there.
  while (IsBlocked(*stream)) stream = stream->queue.front().wait->stream;
  const Operation next = std::move(stream->queue.front());
  stream->queue.pop_front();
  if (next.work) {
    memory.Open();
    next.work();
    memory.Close();
  }
  if (next.reach != nullptr) next.reach->reached = true;
  if (stream->destroyed && stream->queue.empty()) Forget(stream);
}

void Device::StepAny() {
  if (streams_.empty()) return;
  const auto& chosen = streams_[rng.Below(streams_.size())];
  if (!chosen->queue.empty()) Step(chosen.get());
}

void Device::RunStream(cudaStream_t stream) {
  memory.Open();
  const uint64_t others = rng.Below(3);  // steps of any stream, for one of this
  while (!stream->queue.empty()) {
    for (uint64_t i = 0; i < others; ++i) StepAny();
    if (!stream->queue.empty()) Step(stream);
  }
  memory.Close();
}

void Device::RunUntil(const Mark& mark) {
  memory.Open();
  const uint64_t others = rng.Below(3);
  while (!mark.reached) {
    for (uint64_t i = 0; i < others; ++i) StepAny();
    if (!mark.reached) Step(mark.stream);
  }
  memory.Close();
}

void Device::RunAll() {
  memory.Open();
  while (std::any_of(streams_.begin(), streams_.end(),
                     [](const auto& stream) { return !stream->queue.empty(); })) {
    StepAny();
  }
  memory.Close();
}

void Device::RunSome() {
  if (rng.Below(4) != 0) return;
  memory.Open();
  for (uint64_t i = 1 + rng.Below(3); i > 0; --i) StepAny();
  memory.Close();
}

cudaError_t Device::RefuseInCapture(cudaStream_t stream) {
  bool captures = false;
  for (const auto& each : streams_) {
    Capture* const capture = each->capture.get();
    if (capture == nullptr) continue;
    const bool of_thread = capture->mode == cudaStreamCaptureModeThreadLocal &&
                           capture->thread == std::this_thread::get_id();
    if (each.get() != stream && !of_thread && capture->mode != cudaStreamCaptureModeGlobal)
      continue;
    capture->invalid = true;
    captures = true;
  }
  return captures ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
}

Device& TheDevice() {
  static auto* const device = new Device;  // outlives all statics that free memory
  return *device;
}

}  // namespace rubato::emulator
