#include <algorithm>
#include <cmath>

#include "server/rules.h"

namespace rubato {
namespace {

class Sgd final : public Optimizer {
 public:
  explicit Sgd(const OptimizerSpec& spec) : spec_(spec) {}

  size_t SlotFloats([[maybe_unused]] size_t dim) const override { return 0; }

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
    for (size_t i = 0; i < dim; ++i) w[i] -= spec_.learning_rate * (g[i] + spec_.l2 * w[i]);
  }

  OptimizerSpec spec_;
};

}  // namespace

std::unique_ptr<Optimizer> MakeSgd(const OptimizerSpec& spec) {
  return std::make_unique<Sgd>(spec);
}

}  // namespace rubato
