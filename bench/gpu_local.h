// Local mode on a workload: training in one process, with batches from host memory as the product
// has them. The device's part alone: bench/gpu_stages.h.
#pragma once

#include <cstddef>
#include <span>

#include "absl/status/statusor.h"
#include "bench/gpu_workloads.h"

namespace rubato {

struct LocalPlan {
  const Workload* workload = nullptr;
  std::span<const Batch> batches;
  size_t warm_up = 30;
  size_t steps = 100;  // of each of `repeats`
  size_t repeats = 5;
};

// Seconds of a step; the median of the repeats.
absl::StatusOr<double> LocalStepSeconds(const LocalPlan& plan);

// Mean losses of the last of `steps` steps on the same batches, from the same first weights: here
// on the device, and by the CPU's model over a server's tables.
inline constexpr size_t kLossSteps = 10;
absl::StatusOr<double> LocalLoss(const LocalPlan& plan, size_t steps);
absl::StatusOr<double> ReferenceLoss(const LocalPlan& plan, size_t steps);

}  // namespace rubato
