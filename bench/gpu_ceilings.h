// What this device can do at all, measured first: the bounds of every other figure.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "bench/gpu_workloads.h"
#include "worker/compute/precision.h"

namespace rubato {

// A second.
struct Ceilings {
  double copy_bytes = 0;      // within device memory, read and written
  double upload_bytes = 0;    // from pinned host memory
  double download_bytes = 0;  // to it
  double tf32_flops = 0;      // cublasLt, a product of square matrices of 8,192
  double bf16_flops = 0;      // the same

  // A time in seconds, and what takes it.
  struct Bound {
    double seconds = 0;
    std::string by;
  };
  // No step is shorter than the longest of its parts, which at best run side by side.
  Bound Of(const StepWork& work, Precision precision) const;
};

absl::StatusOr<Ceilings> MeasureCeilings(Scale scale);

}  // namespace rubato
