#include "worker/compute/cuda/network/model_on_gpu.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "worker/compute/cuda/network/gpu_pipeline.h"
#include "worker/spec/model_keys.h"

namespace rubato {
namespace {

class ModelOnGpu : public Model {
 public:
  ModelOnGpu(const ModelSpec& spec, std::unique_ptr<GpuPipeline> pipeline)
      : spec_(spec), keys_(spec_), pipeline_(std::move(pipeline)) {}

  const ModelSpec& spec() const override { return spec_; }
  void FindKeys(const Batch& batch, Parameters* keys) const override { keys_.Find(batch, keys); }
  absl::StatusOr<double> Gradients(const Batch& batch, const Parameters& parameters,
                                   Parameters* gradients) override;
  absl::Status Predict(const Batch& batch, const Parameters& parameters,
                       std::span<float> prediction) override {
    return pipeline_->Predict(batch, parameters, prediction);
  }

 private:
  const ModelSpec spec_;
  mutable ModelKeys keys_;  // on the host: the device finds its own as it prepares a step
  std::unique_ptr<GpuPipeline> pipeline_;
};

absl::StatusOr<double> ModelOnGpu::Gradients(const Batch& batch, const Parameters& parameters,
                                             Parameters* gradients) {
  Parameters rows;
  RETURN_IF_ERROR(pipeline_->Prepare(batch, &rows));
  for (size_t t = 0; t < rows.size(); ++t) {
    CHECK(rows[t].keys == parameters[t].keys, "parameters are not those of this batch");
    rows[t].values.assign(parameters[t].values.begin(), parameters[t].values.end());
  }
  RETURN_IF_ERROR(pipeline_->Begin(std::move(rows)));
  return pipeline_->Finish(gradients);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeModelOnGpu(const GpuModel& model, PinnedPool* pool) {
  ASSIGN_OR_RETURN(auto pipeline, GpuPipeline::Make(model, pool));
  return std::make_unique<ModelOnGpu>(model.spec, std::move(pipeline));
}

}  // namespace rubato
