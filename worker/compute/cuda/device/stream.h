// Streams, events and captured graphs of the CUDA runtime, owned and checked.
//
// Whatever runs asynchronously takes the StreamView it runs on; nothing uses the default stream. An
// object belongs to the device that is current where it is made, and to one thread.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rubato {

// A stream that somebody else owns. Not made from 0 or a null pointer: that would be the default
// stream.
class StreamView {
 public:
  explicit StreamView(cudaStream_t stream) : stream_(stream) {}
  StreamView(int) = delete;
  StreamView(std::nullptr_t) = delete;
  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_;
};

enum class Priority { kNormal, kHigh };

class Stream {
 public:
  // Does not wait for the default stream. kHigh: its blocks are scheduled before those of others.
  static absl::StatusOr<Stream> Make(Priority priority = Priority::kNormal);
  Stream(Stream&& other) noexcept : stream_(std::exchange(other.stream_, nullptr)) {}
  Stream& operator=(Stream&& other) noexcept;
  ~Stream();

  StreamView view() const { return StreamView(stream_); }
  // Returns when all that was put on the stream is done; the first error of it, if any.
  absl::Status Wait() const;

 private:
  explicit Stream(cudaStream_t stream) : stream_(stream) {}
  cudaStream_t stream_;
};

// A point in a stream's work. Recorded again, it means the newer point.
class StreamEvent {
 public:
  static absl::StatusOr<StreamEvent> Make();
  StreamEvent(StreamEvent&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  StreamEvent& operator=(StreamEvent&& other) noexcept;
  ~StreamEvent();

  absl::Status Record(StreamView stream) const;
  // What is put on `stream` from now on runs after the point. Never recorded: no wait.
  absl::Status Block(StreamView stream) const;
  // Returns when the point is reached.
  absl::Status Wait() const;

 private:
  explicit StreamEvent(cudaEvent_t event) : event_(event) {}
  cudaEvent_t event_;
};

// A sequence of kernels and copies, recorded once and launched as one. It holds the addresses and
// sizes that its calls had.
class Graph {
 public:
  // Records what `put` puts on `stream`; none of it runs. `put` must not wait or allocate.
  static absl::StatusOr<Graph> Capture(StreamView stream,
                                       const std::function<absl::Status(StreamView)>& put);
  Graph(Graph&& other) noexcept : graph_(std::exchange(other.graph_, nullptr)) {}
  Graph& operator=(Graph&& other) noexcept;
  ~Graph();

  absl::Status Launch(StreamView stream) const;

 private:
  explicit Graph(cudaGraphExec_t graph) : graph_(graph) {}
  cudaGraphExec_t graph_;
};

// The same work put on a stream again and again: as it comes the first time, from the second time
// on as a graph. Not captured at once, because kernels are loaded when they are first launched, and
// a library loads its own (cublasLt does) by calls that a capture may forbid.
class Replay {
 public:
  // `put` is the same at every call, as for Graph::Capture; it is called by the first two.
  absl::Status Run(StreamView stream, const std::function<absl::Status(StreamView)>& put);

 private:
  bool loaded_ = false;
  std::optional<Graph> graph_;
};

}  // namespace rubato
