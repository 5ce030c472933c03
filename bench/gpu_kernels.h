// Kernels alone, against the bytes that they must move: the input's gather, the way back through
// embeddings, distinct keys, the factorization machine, the loss and the optimizer's steps.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/gpu_workloads.h"

namespace rubato {

enum class Aim { kNone, kShareOfCopy };  // whether a share of the copy's speed is asked for

struct KernelFigure {
  std::string name;
  double bytes = 0;  // fewest: each input read once, each output written once
  double seconds = 0;
  Aim aim = Aim::kNone;
};

// Of W1's table, for batches of `rows` rows whose keys are uniform: hardly one occurs twice.
absl::StatusOr<std::vector<KernelFigure>> MeasureKernels(Scale scale, uint32_t rows);
// The step of a dense table as large as W2's weights, with Adam.
absl::StatusOr<KernelFigure> MeasureDenseStep(Scale scale);

}  // namespace rubato
