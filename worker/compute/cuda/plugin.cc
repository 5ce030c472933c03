// The entry point of librubato_cuda.so (worker/compute/backend.h).
#include "worker/compute/backend.h"
#include "worker/compute/cuda/gpu_pipeline.h"
#include "worker/compute/cuda/gpus.h"
#include "worker/compute/cuda/local_training_on_gpu.h"
#include "worker/compute/cuda/model_on_gpu.h"
#include "worker/compute/cuda/pinned_pool.h"

namespace rubato {
namespace {

class CudaBackend : public Backend {
 public:
  absl::StatusOr<std::vector<GpuInfo>> FindGpus() override { return rubato::FindGpus(); }
  absl::StatusOr<std::unique_ptr<Model>> MakeModel(const GpuModel& model) override {
    return MakeModelOnGpu(model, &pool_);
  }
  absl::StatusOr<std::unique_ptr<Pipeline>> MakePipeline(const GpuModel& model) override {
    return GpuPipeline::Make(model, &pool_);
  }
  absl::StatusOr<std::unique_ptr<LocalTraining>> MakeLocalTraining(const GpuModel& model) override {
    return MakeLocalTrainingOnGpu(model);
  }

 private:
  // Rows may be anywhere in the process when it ends, so it is never taken down.
  PinnedPool pool_;
};

}  // namespace
}  // namespace rubato

extern "C" __attribute__((visibility("default"))) rubato::Backend* rubato_cuda_backend_1() {
  static auto* const backend = new rubato::CudaBackend;
  return backend;
}
