// The emulated device: its memory, its streams, and the work that waits on them. Everything in here
// is guarded by `mutex`; work runs on the thread that waits for it.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "common/base/env.h"
#include "common/base/mutex.h"
#include "tests/cuda_emulator/cublas_lt_product.h"
#include "tests/cuda_emulator/cuda_runtime_api.h"
#include "tests/cuda_emulator/emulator.h"
#include "tests/cuda_emulator/memory.h"

namespace rubato::emulator {

using Work = std::function<void()>;

// One recording of an event: a point in a stream's work.
struct Mark {
  CUstream_st* stream = nullptr;
  bool reached = false;
};

// One of the three.
struct Operation {
  Work work;
  std::shared_ptr<Mark> reach;
  std::shared_ptr<Mark> wait;
};

// What a stream in capture has recorded.
struct Capture {
  std::vector<Work> work;
  std::thread::id thread;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  bool invalid = false;
};

}  // namespace rubato::emulator

struct CUstream_st {
  std::deque<rubato::emulator::Operation> queue;
  std::shared_ptr<rubato::emulator::Capture> capture;  // nullptr: none
  bool destroyed = false;
};
struct CUevent_st {
  std::shared_ptr<rubato::emulator::Mark> newest;       // nullptr: never recorded
  std::shared_ptr<rubato::emulator::Capture> captured;  // the newest record is in this capture
};
struct CUgraph_st {
  std::vector<rubato::emulator::Work> work;
};
struct CUgraphExec_st {
  std::shared_ptr<const std::vector<rubato::emulator::Work>> work;
};

namespace rubato::emulator {

class Device {
 public:
  Mutex mutex;
  Memory memory GUARDED_BY(mutex);
  Rng rng GUARDED_BY(mutex){1};
  Counts counts GUARDED_BY(mutex);
  BiasRounding bias_rounding GUARDED_BY(mutex){.zero_is_positive = true, .comes_first = true};
  int device_count GUARDED_BY(mutex) = 1;
  FusedEpilogues fused_epilogues GUARDED_BY(mutex) = FusedEpilogues::kOffered;

  cudaStream_t MakeStream() REQUIRES_LOCK(mutex);
  // What is on it still runs.
  void DestroyStream(cudaStream_t stream) REQUIRES_LOCK(mutex);
  bool Has(cudaStream_t stream) REQUIRES_LOCK(mutex);

  // Puts `work` on the stream, or into the graph that it captures.
  cudaError_t Put(cudaStream_t stream, Work work) REQUIRES_LOCK(mutex);
  cudaError_t Record(cudaEvent_t event, cudaStream_t stream) REQUIRES_LOCK(mutex);
  cudaError_t Wait(cudaStream_t stream, cudaEvent_t event) REQUIRES_LOCK(mutex);

  void RunStream(cudaStream_t stream) REQUIRES_LOCK(mutex);
  void RunUntil(const Mark& mark) REQUIRES_LOCK(mutex);
  void RunAll() REQUIRES_LOCK(mutex);
  // Some of what waits, perhaps.
  void RunSome() REQUIRES_LOCK(mutex);

  // An error, and the end of its captures, if the calling thread captures, or `stream` does.
  cudaError_t RefuseInCapture(cudaStream_t stream = nullptr) REQUIRES_LOCK(mutex);

 private:
  void Step(cudaStream_t stream) REQUIRES_LOCK(mutex);
  void StepAny() REQUIRES_LOCK(mutex);
  void Forget(cudaStream_t stream) REQUIRES_LOCK(mutex);

  std::vector<std::unique_ptr<CUstream_st>> streams_ GUARDED_BY(mutex);  // destroyed ones too
};

// CUDA has one for the process.
Device& TheDevice();

}  // namespace rubato::emulator
