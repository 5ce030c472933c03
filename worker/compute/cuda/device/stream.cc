#include "worker/compute/cuda/device/stream.h"

#include "common/base/status.h"
#include "worker/compute/cuda/device/cuda_status.h"

namespace rubato {

// A destructor has nobody to tell of an error; one that matters shows at the next call too.

absl::StatusOr<Stream> Stream::Make(Priority priority) {
  int low = 0;
  int high = 0;
  RETURN_IF_CUDA_ERROR(cudaDeviceGetStreamPriorityRange(&low, &high));
  cudaStream_t stream = nullptr;
  RETURN_IF_CUDA_ERROR(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking,
                                                    priority == Priority::kHigh ? high : low));
  return Stream(stream);
}

Stream& Stream::operator=(Stream&& other) noexcept {
  std::swap(stream_, other.stream_);
  return *this;
}

Stream::~Stream() {
  if (stream_ != nullptr) static_cast<void>(cudaStreamDestroy(stream_));
}

absl::Status Stream::Wait() const {
  RETURN_IF_CUDA_ERROR(cudaStreamSynchronize(stream_));
  return absl::OkStatus();
}

absl::StatusOr<StreamEvent> StreamEvent::Make() {
  cudaEvent_t event = nullptr;
  RETURN_IF_CUDA_ERROR(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  return StreamEvent(event);
}

StreamEvent& StreamEvent::operator=(StreamEvent&& other) noexcept {
  std::swap(event_, other.event_);
  return *this;
}

StreamEvent::~StreamEvent() {
  if (event_ != nullptr) static_cast<void>(cudaEventDestroy(event_));
}

absl::Status StreamEvent::Record(StreamView stream) const {
  RETURN_IF_CUDA_ERROR(cudaEventRecord(event_, stream.get()));
  return absl::OkStatus();
}

absl::Status StreamEvent::Block(StreamView stream) const {
  RETURN_IF_CUDA_ERROR(cudaStreamWaitEvent(stream.get(), event_, 0));
  return absl::OkStatus();
}

absl::Status StreamEvent::Wait() const {
  RETURN_IF_CUDA_ERROR(cudaEventSynchronize(event_));
  return absl::OkStatus();
}

absl::StatusOr<Graph> Graph::Capture(StreamView stream,
                                     const std::function<absl::Status(StreamView)>& put) {
  RETURN_IF_CUDA_ERROR(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal));
  const absl::Status status = put(stream);
  cudaGraph_t recorded = nullptr;
  const cudaError_t ended = cudaStreamEndCapture(stream.get(), &recorded);
  if (!status.ok()) {
    if (recorded != nullptr) static_cast<void>(cudaGraphDestroy(recorded));
    static_cast<void>(cudaGetLastError());
    return status;
  }
  RETURN_IF_CUDA_ERROR(ended);
  cudaGraphExec_t graph = nullptr;
  const cudaError_t made = cudaGraphInstantiate(&graph, recorded, 0);
  static_cast<void>(cudaGraphDestroy(recorded));
  RETURN_IF_CUDA_ERROR(made);
  return Graph(graph);
}

Graph& Graph::operator=(Graph&& other) noexcept {
  std::swap(graph_, other.graph_);
  return *this;
}

Graph::~Graph() {
  if (graph_ != nullptr) static_cast<void>(cudaGraphExecDestroy(graph_));
}

absl::Status Graph::Launch(StreamView stream) const {
  RETURN_IF_CUDA_ERROR(cudaGraphLaunch(graph_, stream.get()));
  return absl::OkStatus();
}

absl::Status Replay::Run(StreamView stream, const std::function<absl::Status(StreamView)>& put) {
  if (!loaded_) {
    loaded_ = true;
    return put(stream);
  }
  if (!graph_) {
    ASSIGN_OR_RETURN(graph_, Graph::Capture(stream, put));
  }
  return graph_->Launch(stream);
}

}  // namespace rubato
