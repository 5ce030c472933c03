// What this device can do at all, measured first: the bounds of every other figure.
#pragma once

#include <limits>
#include <string>

#include "absl/status/status.h"
#include "bench/gpu_workloads.h"
#include "worker/compute/precision.h"

namespace rubato {

// A second; no ceiling where none could be measured.
struct Ceilings {
  static constexpr double kNone = std::numeric_limits<double>::infinity();
  double copy_bytes = kNone;      // within device memory, read and written
  double upload_bytes = kNone;    // from pinned host memory
  double download_bytes = kNone;  // to it
  double tf32_flops = kNone;      // cublasLt, a product of square matrices of 8,192
  double bf16_flops = kNone;      // the same

  // A time in seconds, and what takes it.
  struct Bound {
    double seconds = 0;
    std::string by;
  };
  // No step is shorter than the longest of its parts, which at best run side by side.
  Bound Of(const StepWork& work, Precision precision) const;
};

// Those that can be measured; the first error of the others.
absl::Status MeasureCeilings(Scale scale, Ceilings* ceilings);

}  // namespace rubato
