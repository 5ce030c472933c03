// The device's part of local mode's step, whole and with a stage left out: where its time goes.
#pragma once

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/gpu_local.h"

namespace rubato {

// What may be left out. kUnique: the keys found before are taken again.
enum class Stage { kNothing, kUnique, kNetwork, kOptimizer };
const char* StageName(Stage stage);

// Seconds of a step without each of `left_out`, by replaying a captured graph over batches that are
// on the device already.
absl::StatusOr<std::vector<double>> DeviceStepSeconds(const LocalPlan& plan,
                                                      std::span<const Stage> left_out);

}  // namespace rubato
