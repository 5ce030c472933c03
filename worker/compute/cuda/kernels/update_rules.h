// One step of one weight by each update rule, for kernels: the operations of server/table/rule.cc
// in their order, with its names. Only for .cu files that are compiled without contraction
// (--fmad=false; C++ compilers get -ffp-contract=off), so that every operation is rounded by
// itself.
//
// A rule is a type: CellRule<kind>, with what is declared of it (common/job/optimizer_spec.h) and
// the step.
#pragma once

#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>

#include "common/base/power_table.h"
#include "common/job/optimizer_spec.h"
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
  const double rate{rule.spec.learning_rate};
  return {static_cast<float>(rate / (1.0 - Power(rule.powers1, n))),
          static_cast<float>(1.0 / sqrt(1.0 - Power(rule.powers2, n)))};
}

// A weight with its slots, as far as its rule has them.
struct Cell {
  float weight;
  float slot0;
  float slot1;
};

// Of one weight, as declared.
template <OptimizerKind kind>
struct CellState {
  static constexpr uint32_t kSlots = RuleOf(kind).slots;
  static constexpr bool kCounts = RuleOf(kind).counts_steps;
  static_assert(kSlots <= 2, "a Cell has two slots");
};

template <OptimizerKind kind>
struct CellRule;

template <>
struct CellRule<OptimizerKind::kSgd> : CellState<OptimizerKind::kSgd> {
  static __device__ void Step(const RuleNumbers& rule, Correction, float gradient, Cell* cell) {
    const float regularized = gradient + rule.spec.l2 * cell->weight;
    cell->weight = cell->weight - rule.spec.learning_rate * regularized;
  }
};

template <>
struct CellRule<OptimizerKind::kMomentum> : CellState<OptimizerKind::kMomentum> {
  static __device__ void Step(const RuleNumbers& rule, Correction, float gradient, Cell* cell) {
    const float regularized = gradient + rule.spec.l2 * cell->weight;
    cell->slot0 = rule.spec.momentum * cell->slot0 + regularized;
    cell->weight = cell->weight - rule.spec.learning_rate * cell->slot0;
  }
};

template <>
struct CellRule<OptimizerKind::kAdagrad> : CellState<OptimizerKind::kAdagrad> {
  static __device__ void Step(const RuleNumbers& rule, Correction, float gradient, Cell* cell) {
    const float regularized = gradient + rule.spec.l2 * cell->weight;
    cell->slot0 = cell->slot0 + regularized * regularized;
    const float scale = sqrtf(cell->slot0) + rule.spec.epsilon;
    cell->weight = cell->weight - rule.spec.learning_rate * regularized / scale;
  }
};

template <>
struct CellRule<OptimizerKind::kAdam> : CellState<OptimizerKind::kAdam> {
  static __device__ void Step(const RuleNumbers& rule, Correction correction, float gradient,
                              Cell* cell) {
    const float m = rule.spec.beta1 * cell->slot0 + (1.0F - rule.spec.beta1) * gradient;
    const float v =
        rule.spec.beta2 * cell->slot1 + (1.0F - rule.spec.beta2) * (gradient * gradient);
    const float root = sqrtf(v) * correction.scale + rule.spec.epsilon;
    const float keep = 1.0F - rule.spec.learning_rate * rule.spec.l2;
    cell->slot0 = m;
    cell->slot1 = v;
    cell->weight = keep * cell->weight - correction.rate * m / root;
  }
};

template <>
struct CellRule<OptimizerKind::kFtrl> : CellState<OptimizerKind::kFtrl> {
  // Slots are z, then n.
  static __device__ void Step(const RuleNumbers& rule, Correction, float gradient, Cell* cell) {
    const float after = cell->slot1 + gradient * gradient;
    const float root = sqrtf(after);
    const float sigma = (root - sqrtf(cell->slot1)) * rule.inverse_rate;
    const float z = cell->slot0 + (gradient - sigma * cell->weight);
    const float excess = fmaxf(fabsf(z) - rule.spec.l1, 0.0F);
    const float one_plus = (1.0F + root) * rule.inverse_rate;
    cell->slot0 = z;
    cell->slot1 = after;
    cell->weight = copysignf(excess / (one_plus + rule.spec.l2), -z);
  }
};

}  // namespace rubato
