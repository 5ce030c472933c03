// What a kernel needs of an update rule (worker/compute/cuda/kernels/update_rules.h).
#pragma once

#include <cstdint>

#include "common/job/table_spec.h"

namespace rubato {

struct RuleNumbers {
  OptimizerKind kind = OptimizerKind::kSgd;
  float rate = 0.0F;
  float inverse_rate = 0.0F;
  float l1 = 0.0F;
  float l2 = 0.0F;
  float momentum = 0.0F;
  float beta1 = 0.0F;
  float beta2 = 0.0F;
  float epsilon = 0.0F;
  const double* powers1 = nullptr;  // [PowerTable::kValues] of beta1; Adam's alone
  const double* powers2 = nullptr;  // the same of beta2
};

}  // namespace rubato
