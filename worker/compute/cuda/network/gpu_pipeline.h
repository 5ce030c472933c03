// Batches in flight on a GPU, on four streams that overlap:
//
//   keys      the batch goes up, its distinct keys are found and come back   Prepare, which waits
//   upload    pulled rows go up                                              Begin, as the next two
//   compute   the step's captured graph
//   download  gradients and the loss come down                               Finish waits for it
//
// Rows and gradients live in pinned memory (pinned_pool.h), so pulled rows are put where the device
// can reach them and nothing is copied on the way. A batch has buffers of its own from Prepare
// to Finish; they are taken again, so a steady state allocates nothing.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "worker/compute/cuda/device/pinned_pool.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/network/engine.h"
#include "worker/compute/cuda/network/gpu_step.h"
#include "worker/compute/pipeline.h"

namespace rubato {

class GpuPipeline : public Pipeline {
 public:
  // `pool` outlives it and all rows that it gives.
  static absl::StatusOr<std::unique_ptr<GpuPipeline>> Make(const GpuModel& model, PinnedPool* pool);
  ~GpuPipeline() override;

  const std::vector<TableSpec>& tables() const { return engine_->shape().tables(); }
  absl::Status Prepare(Batch batch, Parameters* keys) override;
  absl::Status Begin(Parameters rows) override;
  absl::StatusOr<double> Finish(Parameters* gradients) override;
  absl::Status Clear() override;
  // Predictions [batch.rows, outputs] with the weights `rows`, keys as Prepare would give them. The
  // values may be in any memory. Waits.
  absl::Status Predict(const Batch& batch, const Parameters& rows, std::span<float> prediction);

 private:
  // A batch in flight with its buffers.
  struct InFlight {
    std::unique_ptr<GpuStep> step;
    StreamEvent uploaded;
    StreamEvent computed;
    StreamEvent finished;
    Parameters weights;  // until they are up
    Parameters gradients;
  };
  struct Streams {
    Stream keys;
    Stream upload;
    Stream compute;
    Stream download;
  };

  GpuPipeline(int gpu, std::unique_ptr<Engine> engine, Streams streams, PinnedPool* pool)
      : gpu_(gpu), engine_(std::move(engine)), streams_(std::move(streams)), pool_(pool) {}
  absl::StatusOr<std::unique_ptr<InFlight>> TakeBuffers(StreamView stream, const Batch& batch);
  void GiveKeys(const InFlight& in_flight, Parameters* keys) const;
  // Tables and keys of `rows`, the values in pinned memory and as they come.
  Parameters LikeRows(const Parameters& rows) const;
  // A copy in pinned memory.
  Parameters InPinnedMemory(const Parameters& rows) const;
  absl::Status Run(InFlight* in_flight);

  const int gpu_;
  std::unique_ptr<Engine> engine_;
  Streams streams_;
  PinnedPool* const pool_;
  std::vector<std::unique_ptr<InFlight>> free_;
  std::deque<std::unique_ptr<InFlight>> prepared_;
  std::deque<std::unique_ptr<InFlight>> begun_;
};

}  // namespace rubato
