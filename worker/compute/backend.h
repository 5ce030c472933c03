// What the CUDA backend offers, without a word of CUDA: librubato_cuda.so is loaded when a run asks
// for a GPU, and gives one object of this interface.
//
// Both sides are built together, from one checkout; the name of the entry point ends in
// the interface's version, so that a library of another build is refused instead of misread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/compute/model.h"
#include "worker/compute/pipeline.h"
#include "worker/compute/precision.h"
#include "worker/spec/batch.h"
#include "worker/spec/model_spec.h"
#include "worker/spec/parameters.h"

namespace rubato {

struct GpuInfo {
  std::string name;
  int major = 0;  // compute capability
  int minor = 0;
  uint64_t memory_bytes = 0;
};

// Training in one process: weights and optimizer live on the GPU.
class LocalTraining {
 public:
  virtual ~LocalTraining() = default;
  // One step with this batch; returns before it is done. Requires batch.rows > 0.
  virtual absl::Status Step(const Batch& batch) = 0;
  // Waits for all steps so far: their mean loss since the last call, weighted by rows; 0 if none.
  virtual absl::StatusOr<double> TakeLoss() = 0;
  // `keys` with their weights, as they are after all steps so far.
  virtual absl::StatusOr<Parameters> Read(Parameters keys) = 0;
};

// What is to be made, and where. Each object belongs to the thread that made it.
struct GpuModel {
  ModelSpec spec;
  Precision precision = Precision::kF32;
  uint64_t seed = 0;  // of first weights: local training only
  int gpu = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  // The host's GPUs, one at least; Unavailable: no driver, or no GPU. Takes no memory on any.
  virtual absl::StatusOr<std::vector<GpuInfo>> FindGpus() = 0;
  // Takes some hundred MiB there itself, as every process does that uses a GPU.
  virtual absl::StatusOr<uint64_t> FreeBytes(int gpu) = 0;
  virtual absl::StatusOr<std::unique_ptr<Model>> MakeModel(const GpuModel& model) = 0;
  virtual absl::StatusOr<std::unique_ptr<Pipeline>> MakePipeline(const GpuModel& model) = 0;
  virtual absl::StatusOr<std::unique_ptr<LocalTraining>> MakeLocalTraining(
      const GpuModel& model) = 0;
};

// extern "C" Backend* of librubato_cuda.so; lives as long as the process.
inline constexpr char kBackendEntry[] = "rubato_cuda_backend_3";

// Loads `library`. NotFound: there is none; FailedPrecondition: it cannot be loaded (what it needs
// is missing) or is of another build.
absl::StatusOr<Backend*> LoadBackend(const std::string& library);

}  // namespace rubato
