// The arithmetic of the update rules, for the widest vectors the machine has (Highway, chosen at
// run time). Formulas: server/table/optimizer.h.
//
// Guarantee: a weight after a step is a function of its own weight, slots, gradient and the rule's
// numbers, and of nothing else: not of its position in the row, the width of the vectors, or the
// machine. Every operation is one correctly rounded IEEE addition, multiplication, division or
// square root; the build forbids fused multiply-adds (-ffp-contract=off), and nothing here asks for
// one. So rows are bit-identical on every machine, with or without AVX.
#pragma once

#include <cstddef>
#include <span>

#include "common/base/power_table.h"
#include "common/job/table_spec.h"

namespace rubato {

// A spec and what follows from it.
struct Rule {
  explicit Rule(const OptimizerSpec& the_spec)
      : spec(the_spec),
        inverse_rate(1.0F / the_spec.learning_rate),
        beta1(double{the_spec.beta1}),
        beta2(double{the_spec.beta2}) {}

  OptimizerSpec spec;
  float inverse_rate;
  PowerTable beta1;
  PowerTable beta2;
};

// One step of each row, in order: slots lie behind the weights, gradients is [rows.size(), dim].
void StepRows(const Rule& rule, std::span<float* const> rows, size_t dim, const float* gradients);

}  // namespace rubato
