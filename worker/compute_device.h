// The device that a run file names, found and ready: on the CPU nothing to do, on a GPU the backend
// library is loaded and one of the host's GPUs chosen. Every refusal is one sentence that says what
// is missing and what to do.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/compute/backend.h"
#include "worker/compute/precision.h"
#include "worker/spec/model_spec.h"

namespace rubato {

// librubato_cuda.so of the build that the running executable is of: <build>/bin/ and <build>/.
std::string BuiltBackend();

class ComputeDevice {
 public:
  // `library`: librubato_cuda.so, looked at only for a GPU. InvalidArgument: this machine or build
  // does not have the device.
  static absl::StatusOr<ComputeDevice> Find(const std::string& device, const std::string& library);

  bool is_gpu() const { return backend_ != nullptr; }
  // Of the worker that has `local_rank` others before it on this host: with device = "cuda" they
  // are dealt out to its GPUs in turn.
  absl::StatusOr<std::unique_ptr<Model>> MakeModel(const ModelSpec& spec, Precision precision,
                                                   uint32_t local_rank) const;
  // `model`, of the same worker, outlives it.
  absl::StatusOr<std::unique_ptr<Pipeline>> MakePipeline(Model* model, Precision precision,
                                                         uint32_t local_rank) const;
  // GPU only. `seed`: of the first weights.
  absl::StatusOr<std::unique_ptr<LocalTraining>> MakeLocalTraining(const ModelSpec& spec,
                                                                   Precision precision,
                                                                   uint64_t seed) const;

 private:
  int GpuOf(uint32_t local_rank) const;

  Backend* backend_ = nullptr;  // null: the CPU
  std::vector<int> gpus_;       // those that may be used
};

}  // namespace rubato
