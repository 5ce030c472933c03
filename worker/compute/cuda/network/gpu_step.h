// A batch in flight on its way through a network: the batch, its weights and gradients on the
// device, and the captured graph of its step. One of a few that take turns, so that one goes up
// while another computes and a third comes down.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/compute/cuda/device/device_memory.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/network/engine.h"
#include "worker/compute/cuda/network/gpu_batch.h"
#include "worker/spec/parameters.h"

namespace rubato {

class GpuStep {
 public:
  // For batches of the engine's capacity as it is now. What it clears is put on `stream`.
  static absl::StatusOr<std::unique_ptr<GpuStep>> Make(StreamView stream, const Engine& engine);

  GpuBatch& batch() { return batch_; }
  Scratch& scratch() { return *scratch_; }
  const double* host_loss() const { return host_loss_.data(); }
  const float* host_prediction() const { return host_prediction_.data(); }

  // Keys of table t, as FindKeys of a model orders them: after batch().FindKeys and a wait.
  void AppendKeys(const NetworkShape& shape, size_t table, std::vector<RowKey>* keys) const;
  // Puts `rows`, of AppendKeys' keys, on their way up. Their values stay as they are until then.
  absl::Status UploadWeights(StreamView stream, const Parameters& rows);
  // Puts the step on the stream, as a graph once it has run.
  absl::Status Train(StreamView stream);
  // Puts the predictions of the batch's rows on their way down into host_prediction().
  absl::Status Predict(StreamView stream);
  // Puts the gradients' way down into `rows`' values, which have the sizes of the weights, and the
  // loss' into host_loss().
  absl::Status DownloadGradients(StreamView stream, Parameters* rows);

 private:
  GpuStep(std::shared_ptr<Scratch> scratch, GpuBatch batch)
      : scratch_(std::move(scratch)), batch_(std::move(batch)) {}
  StepArrays Arrays();

  const std::shared_ptr<Scratch> scratch_;
  GpuBatch batch_;
  std::vector<DeviceArray<float>> weights_;    // by table
  std::vector<DeviceArray<float>> gradients_;  // by table; padding of dense tables is zero
  DeviceArray<double> loss_;                   // [1]
  PinnedArray<double> host_loss_;              // [1]
  DeviceArray<float> prediction_;              // [rows, outputs]
  PinnedArray<float> host_prediction_;         // [rows, outputs]
  Replay train_;
};

}  // namespace rubato
