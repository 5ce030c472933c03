// The entry point of librubato_cuda.so (worker/compute/backend.h).
#include <map>

#include "worker/compute/backend.h"
#include "worker/compute/cuda/device/gpus.h"
#include "worker/compute/cuda/device/pinned_pool.h"
#include "worker/compute/cuda/network/gpu_pipeline.h"
#include "worker/compute/cuda/network/local_training_on_gpu.h"
#include "worker/compute/cuda/network/model_on_gpu.h"

namespace rubato {
namespace {

class CudaBackend : public Backend {
 public:
  absl::StatusOr<std::vector<GpuInfo>> FindGpus() override { return rubato::FindGpus(); }
  absl::StatusOr<uint64_t> FreeBytes(int gpu) override { return rubato::FreeBytes(gpu); }
  absl::StatusOr<std::unique_ptr<Model>> MakeModel(const GpuModel& model) override {
    return MakeModelOnGpu(model, PoolOf(model.gpu));
  }
  absl::StatusOr<std::unique_ptr<Pipeline>> MakePipeline(const GpuModel& model) override {
    return GpuPipeline::Make(model, PoolOf(model.gpu));
  }
  absl::StatusOr<std::unique_ptr<LocalTraining>> MakeLocalTraining(const GpuModel& model) override {
    return MakeLocalTrainingOnGpu(model);
  }

 private:
  PinnedPool* PoolOf(int gpu) { return &pools_.try_emplace(gpu, gpu).first->second; }

  // Rows may be anywhere in the process when it ends, so they are never taken down.
  std::map<int, PinnedPool> pools_;
};

}  // namespace
}  // namespace rubato

extern "C" __attribute__((visibility("default"))) rubato::Backend* rubato_cuda_backend_3() {
  static auto* const backend = new rubato::CudaBackend;
  return backend;
}
