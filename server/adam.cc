#include <algorithm>
#include <cmath>

#include "server/rules.h"

namespace rubato {
namespace {

class Adam final : public Optimizer {
 public:
  explicit Adam(const OptimizerSpec& spec) : spec_(spec) {}

  size_t SlotFloats([[maybe_unused]] size_t dim) const override { return 2 * dim + 1; }

  void Init([[maybe_unused]] std::span<const float> weights,
            std::span<float> slots) const override {
    std::ranges::fill(slots, 0.0F);
  }

  void Step(std::span<float> weights, std::span<float> slots,
            std::span<const float> gradient) const override {
    StepRow(weights.data(), slots.data(), gradient.data(), weights.size());
  }

  void StepRows(std::span<float* const> rows, size_t dim, const float* gradients) const override {
    for (float* row : rows) {
      StepRow(row, row + dim, gradients, dim);
      gradients += dim;
    }
  }

 private:
  void StepRow(float* w, [[maybe_unused]] float* slots, const float* g, size_t dim) const {
    float* m = slots;
    float* v = slots + dim;
    // Exact up to 2^24 steps and stays there; both corrections are 1 long before.
    float& steps = slots[2 * dim];
    steps += 1.0F;
    const double correction1 = 1.0 - std::pow(double{spec_.beta1}, double{steps});
    const double correction2 = 1.0 - std::pow(double{spec_.beta2}, double{steps});
    const auto rate = static_cast<float>(spec_.learning_rate / correction1);
    const auto scale = static_cast<float>(1.0 / std::sqrt(correction2));
    const float keep = 1.0F - spec_.learning_rate * spec_.l2;
    for (size_t i = 0; i < dim; ++i) {
      m[i] = spec_.beta1 * m[i] + (1.0F - spec_.beta1) * g[i];
      v[i] = spec_.beta2 * v[i] + (1.0F - spec_.beta2) * (g[i] * g[i]);
      w[i] = keep * w[i] - rate * m[i] / (std::sqrt(v[i]) * scale + spec_.epsilon);
    }
  }

  OptimizerSpec spec_;
};

}  // namespace

std::unique_ptr<Optimizer> MakeAdam(const OptimizerSpec& spec) {
  return std::make_unique<Adam>(spec);
}

}  // namespace rubato
