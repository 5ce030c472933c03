#include "worker/compute/cuda/network/gpu_step.h"

#include <utility>

#include "common/base/status.h"

namespace rubato {

absl::StatusOr<std::unique_ptr<GpuStep>> GpuStep::Make(StreamView stream, const Engine& engine) {
  const NetworkShape& shape = engine.shape();
  ASSIGN_OR_RETURN(GpuBatch batch, GpuBatch::Make(stream, shape, engine.capacity()));
  std::unique_ptr<GpuStep> step(new GpuStep(engine.scratch(), std::move(batch)));
  const size_t keys = engine.capacity().counts.occurrences();
  for (size_t t = 0; t < shape.tables().size(); ++t) {
    const size_t floats = shape.Rows(t, keys) * shape.tables()[t].dim;
    ASSIGN_OR_RETURN(step->weights_.emplace_back(), DeviceArray<float>::Make(floats));
    ASSIGN_OR_RETURN(step->gradients_.emplace_back(), DeviceArray<float>::Make(floats));
    RETURN_IF_ERROR(ZeroAsync(stream, step->gradients_.back().data(), floats));
  }
  ASSIGN_OR_RETURN(step->loss_, DeviceArray<double>::Make(1));
  ASSIGN_OR_RETURN(step->host_loss_, PinnedArray<double>::Make(1));
  const size_t predictions = size_t{engine.capacity().counts.rows} * shape.outputs();
  ASSIGN_OR_RETURN(step->prediction_, DeviceArray<float>::Make(predictions));
  ASSIGN_OR_RETURN(step->host_prediction_, PinnedArray<float>::Make(predictions));
  return step;
}

void GpuStep::AppendKeys(const NetworkShape& shape, size_t table, std::vector<RowKey>* keys) const {
  const std::span<const uint64_t> features = batch_.keys();
  keys->reserve(shape.Rows(table, features.size()));
  if (shape.IsDense(table)) {
    for (uint64_t b = 0; b < shape.tables()[table].blocks(); ++b) keys->push_back(RowKey(b));
    return;
  }
  const uint64_t first = shape.FirstKey(table);
  for (uint64_t k = 0; k < first; ++k) keys->push_back(RowKey(k));
  for (const uint64_t key : features) keys->push_back(RowKey(first + key));
}

absl::Status GpuStep::UploadWeights(StreamView stream, const Parameters& rows) {
  for (size_t t = 0; t < rows.size(); ++t) {
    CHECK(rows[t].values.size() <= weights_[t].size());
    RETURN_IF_ERROR(
        CopyAsync(stream, weights_[t].data(), rows[t].values.data(), rows[t].values.size()));
  }
  return absl::OkStatus();
}

StepArrays GpuStep::Arrays() {
  StepArrays arrays{.numeric = batch_.inputs().numeric(),
                    .labels = batch_.inputs().labels(),
                    .weights = batch_.inputs().weights(),
                    .offsets = batch_.inputs().offsets(),
                    .features = batch_.features(),
                    .segments = batch_.segments(),
                    .parameters = {},
                    .gradients = {},
                    .loss = loss_.data()};
  for (size_t t = 0; t < weights_.size(); ++t) {
    arrays.parameters.push_back(weights_[t].data());
    arrays.gradients.push_back(gradients_[t].data());
  }
  return arrays;
}

absl::Status GpuStep::Train(StreamView stream) {
  return train_.Run(stream,
                    [this](StreamView on) { return scratch_->network->Train(on, Arrays()); });
}

absl::Status GpuStep::Predict(StreamView stream) {
  RETURN_IF_ERROR(scratch_->network->Predict(stream, Arrays(), prediction_.data()));
  return CopyAsync(stream, host_prediction_.data(), prediction_.data(), prediction_.size());
}

absl::Status GpuStep::DownloadGradients(StreamView stream, Parameters* rows) {
  for (size_t t = 0; t < rows->size(); ++t) {
    Floats& values = (*rows)[t].values;
    RETURN_IF_ERROR(CopyAsync(stream, values.data(), gradients_[t].data(), values.size()));
  }
  return CopyAsync(stream, host_loss_.data(), loss_.data(), 1);
}

}  // namespace rubato
