#include <algorithm>
#include <cmath>

#include "server/rules.h"

namespace rubato {
namespace {

class Ftrl final : public Optimizer {
 public:
  explicit Ftrl(const OptimizerSpec& spec) : spec_(spec) {}

  size_t SlotFloats([[maybe_unused]] size_t dim) const override { return 2 * dim; }

  void Init([[maybe_unused]] std::span<const float> weights,
            std::span<float> slots) const override {
    // z such that the closed form of a row without gradients is the weight it was born with.
    const size_t dim = weights.size();
    for (size_t i = 0; i < dim; ++i) {
      const float w = weights[i];
      const float pull = std::copysign(spec_.l1, w) + w * (1.0F / spec_.learning_rate + spec_.l2);
      slots[i] = w == 0.0F ? 0.0F : -pull;
      slots[dim + i] = 0.0F;
    }
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
    float* z = slots;
    float* n = slots + dim;
    for (size_t i = 0; i < dim; ++i) {
      const float sum = n[i] + g[i] * g[i];
      const float root = std::sqrt(sum);
      const float sigma = (root - std::sqrt(n[i])) / spec_.learning_rate;
      z[i] += g[i] - sigma * w[i];
      n[i] = sum;
      const float excess = std::max(std::abs(z[i]) - spec_.l1, 0.0F);
      w[i] = -std::copysign(excess, z[i]) / ((1.0F + root) / spec_.learning_rate + spec_.l2);
    }
  }

  OptimizerSpec spec_;
};

}  // namespace

std::unique_ptr<Optimizer> MakeFtrl(const OptimizerSpec& spec) {
  return std::make_unique<Ftrl>(spec);
}

}  // namespace rubato
