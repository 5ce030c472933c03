#include "server/table/optimizer.h"

#include <algorithm>
#include <cmath>

#include "server/table/rule.h"

namespace rubato {
namespace {

class RuleOptimizer final : public Optimizer {
 public:
  explicit RuleOptimizer(const OptimizerSpec& spec) : rule_(spec) {}

  size_t SlotFloats(size_t dim) const override {
    const UpdateRule& declared = RuleOf(rule_.spec.kind);
    return declared.slots * dim + (declared.counts_steps ? 1 : 0);
  }

  void Init(std::span<const float> weights, std::span<float> slots) const override {
    std::ranges::fill(slots, 0.0F);
    if (rule_.spec.kind != OptimizerKind::kFtrl) return;
    // FTRL's weight is a closed form of z: take the z that gives the weight the row is born with.
    const float scale = rule_.inverse_rate + rule_.spec.l2;
    for (size_t i = 0; i < weights.size(); ++i) {
      const float w = weights[i];
      if (w != 0.0F) slots[i] = -(std::copysign(rule_.spec.l1, w) + w * scale);
    }
  }

  void StepRows(std::span<float* const> rows, size_t dim, const float* gradients) const override {
    ::rubato::StepRows(rule_, rows, dim, gradients);
  }

 private:
  Rule rule_;
};

}  // namespace

std::unique_ptr<Optimizer> MakeOptimizer(const OptimizerSpec& spec) {
  return std::make_unique<RuleOptimizer>(spec);
}

}  // namespace rubato
