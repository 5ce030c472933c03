// One step of one weight by each update rule, for kernels: the operations of server/table/rule.cc
// in their order, with its names. Only for .cu files that are compiled without contraction
// (--fmad=false; C++ compilers get -ffp-contract=off), so that every operation is rounded by
// itself.
//
// A rule is a type: how many slots a weight has, whether a row counts its steps, and the step.
#pragma once

#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>

#include "absl/status/status.h"
#include "common/base/power_table.h"
#include "common/base/status.h"
#include "common/job/table_spec.h"
#include "worker/compute/cuda/kernels/rule_numbers.h"

namespace rubato {

// What Adam's step count does to a step.
struct Correction {
  float rate;   // learning rate, corrected for the first moment
  float scale;  // of sqrt(v), corrected for the second
};

__device__ inline double Power(const double* powers, uint32_t n) {
  return powers[PowerTable::kOnes + (n & 255)] * powers[PowerTable::kTens + ((n >> 8) & 255)] *
         powers[PowerTable::kHundreds + (n >> 16)];
}

__device__ inline Correction CorrectionAfter(const RuleNumbers& rule, float steps) {
  const auto n = static_cast<uint32_t>(steps);
  const double rate{rule.rate};
  return {static_cast<float>(rate / (1.0 - Power(rule.powers1, n))),
          static_cast<float>(1.0 / sqrt(1.0 - Power(rule.powers2, n)))};
}

// A weight with its slots, as far as its rule has them.
struct Cell {
  float weight;
  float slot0;
  float slot1;
};

struct SgdRule {
  static constexpr uint32_t kSlots = 0;
  static constexpr bool kCounts = false;
  static __device__ void Step(const RuleNumbers& rule, Correction, float gradient, Cell* cell) {
    const float pull = gradient + rule.l2 * cell->weight;
    cell->weight = cell->weight - rule.rate * pull;
  }
};

struct MomentumRule {
  static constexpr uint32_t kSlots = 1;
  static constexpr bool kCounts = false;
  static __device__ void Step(const RuleNumbers& rule, Correction, float gradient, Cell* cell) {
    const float pull = gradient + rule.l2 * cell->weight;
    cell->slot0 = rule.momentum * cell->slot0 + pull;
    cell->weight = cell->weight - rule.rate * cell->slot0;
  }
};

struct AdagradRule {
  static constexpr uint32_t kSlots = 1;
  static constexpr bool kCounts = false;
  static __device__ void Step(const RuleNumbers& rule, Correction, float gradient, Cell* cell) {
    const float pull = gradient + rule.l2 * cell->weight;
    cell->slot0 = cell->slot0 + pull * pull;
    const float scale = sqrtf(cell->slot0) + rule.epsilon;
    cell->weight = cell->weight - rule.rate * pull / scale;
  }
};

struct AdamRule {
  static constexpr uint32_t kSlots = 2;
  static constexpr bool kCounts = true;
  static __device__ void Step(const RuleNumbers& rule, Correction correction, float gradient,
                              Cell* cell) {
    const float m = rule.beta1 * cell->slot0 + (1.0F - rule.beta1) * gradient;
    const float v = rule.beta2 * cell->slot1 + (1.0F - rule.beta2) * (gradient * gradient);
    const float root = sqrtf(v) * correction.scale + rule.epsilon;
    const float keep = 1.0F - rule.rate * rule.l2;
    cell->slot0 = m;
    cell->slot1 = v;
    cell->weight = keep * cell->weight - correction.rate * m / root;
  }
};

struct FtrlRule {
  static constexpr uint32_t kSlots = 2;  // z, n
  static constexpr bool kCounts = false;
  static __device__ void Step(const RuleNumbers& rule, Correction, float gradient, Cell* cell) {
    const float after = cell->slot1 + gradient * gradient;
    const float root = sqrtf(after);
    const float sigma = (root - sqrtf(cell->slot1)) * rule.inverse_rate;
    const float z = cell->slot0 + (gradient - sigma * cell->weight);
    const float excess = fmaxf(fabsf(z) - rule.l1, 0.0F);
    const float one_plus = (1.0F + root) * rule.inverse_rate;
    cell->slot0 = z;
    cell->slot1 = after;
    cell->weight = copysignf(excess / (one_plus + rule.l2), -z);
  }
};

template <class Visit>
absl::Status WithRule(OptimizerKind kind, const Visit& visit) {
  switch (kind) {
    case OptimizerKind::kSgd:
      return visit(SgdRule{});
    case OptimizerKind::kMomentum:
      return visit(MomentumRule{});
    case OptimizerKind::kAdagrad:
      return visit(AdagradRule{});
    case OptimizerKind::kAdam:
      return visit(AdamRule{});
    case OptimizerKind::kFtrl:
      return visit(FtrlRule{});
  }
  CHECK(false, "an OptimizerKind without a rule");
  return absl::OkStatus();
}

// As the rules above state them.
inline uint32_t SlotsOf(OptimizerKind kind) {
  uint32_t slots = 0;
  CHECK(WithRule(kind, [&slots](auto rule) {
          slots = decltype(rule)::kSlots;
          return absl::OkStatus();
        }).ok());
  return slots;
}

}  // namespace rubato
