#include "server/table/optimizer.h"

#include <algorithm>
#include <cmath>

#include "common/base/status.h"
#include "server/table/rule.h"

namespace rubato {
namespace {

class RuleOptimizer final : public Optimizer {
 public:
  explicit RuleOptimizer(const OptimizerSpec& spec) : rule_(spec) {}

  size_t SlotFloats(size_t dim) const override {
    switch (rule_.spec.kind) {
      case OptimizerKind::kSgd:
        return 0;
      case OptimizerKind::kMomentum:
      case OptimizerKind::kAdagrad:
        return dim;
      case OptimizerKind::kAdam:
        return 2 * dim + 1;
      case OptimizerKind::kFtrl:
        return 2 * dim;
    }
    CHECK(false, "an OptimizerKind without a rule");
    return 0;
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

  void Step(std::span<float> weights, std::span<float> slots,
            std::span<const float> gradient) const override {
    // A rule without slots reads none; their address is counted on all the same, so it is a real
    // one.
    float* const state = slots.empty() ? weights.data() : slots.data();
    StepRow(rule_, weights.data(), state, gradient.data(), weights.size());
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
