// What a kernel needs of an update rule (worker/compute/cuda/kernels/update_rules.h).
#pragma once

#include "common/job/optimizer_spec.h"

namespace rubato {

struct RuleNumbers {
  OptimizerSpec spec;
  float inverse_rate = 0.0F;
  const double* powers1 = nullptr;  // [PowerTable::kValues] of beta1; of rules that count steps
  const double* powers2 = nullptr;  // the same of beta2
};

}  // namespace rubato
