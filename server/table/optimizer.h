// Update rules: pure functions over spans. Tables own memory, rules own arithmetic; the state of a
// weight ("slots") lies in its row, behind the weights.
//
// A row is [weights: dim | slot 0: dim | ... | slot n-1: dim] floats, plus nothing else: rules that
// count steps (Adam) keep the count in one more float. dump -> restore -> step therefore equals
// step.
//
//   sgd       w -= lr * (g + l2 w)
//   momentum  v = m v + g + l2 w;  w -= lr v                        (Polyak 1964, as PyTorch)
//   adagrad   a += (g + l2 w)^2;  w -= lr (g + l2 w) / (sqrt(a) + eps)   (Duchi et al. 2011)
//   adam      per-row step count t, bias-corrected                  (Kingma and Ba 2015; decoupled
//             l2 as AdamW: w -= lr l2 w before the step              Loshchilov and Hutter 2019)
//   ftrl      FTRL-proximal, l1, l2, alpha = lr, beta = 1           (McMahan et al. 2013)
//
// A step touches only rows that were pushed: decay and momentum of a row pause while nobody pushes
// it ("lazy", as in every sparse trainer). A pushed gradient of zero is a step like any other:
// momentum and adam move on, decay acts, ftrl and adagrad stay where they are (without l2).
// Bit for bit the same on every machine: see server/table/rule.h.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "common/job/table_spec.h"

namespace rubato {

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  // Floats of state beside each row of `dim` weights.
  virtual size_t SlotFloats(size_t dim) const = 0;
  // Slots of a row that was just born with `weights`.
  virtual void Init(std::span<const float> weights, std::span<float> slots) const = 0;
  // One step per row, in order: rows[n] point at dim weights with their slots right behind,
  // gradients is [n, dim]; all finite. A row may repeat. One virtual call for a batch of narrow
  // rows.
  virtual void StepRows(std::span<float* const> rows, size_t dim, const float* gradients) const = 0;
};

// Thread-compatible and stateless: one instance may serve many tables.
std::unique_ptr<Optimizer> MakeOptimizer(const OptimizerSpec& spec);

}  // namespace rubato
