#include "worker/compute/cpu/relu.h"
#include "worker/compute/cpu/term_on_cpu.h"

namespace rubato {
namespace {

class DeepOnCpu : public TermOnCpu {
 public:
  explicit DeepOnCpu(const DeepTerm& term)
      : deep_(term), activations_(term.layers() + 1), slopes_(term.layers()) {}

  bool ReadsInput() const override { return true; }
  void Forward(const Pass& pass, Matrix margin) override;
  void Backward(const Pass& pass, ConstMatrix d_margin, Parameters* gradients) override;

 private:
  LinearWeights Weights(const Parameters& parameters, size_t layer) const;
  LinearGradients Gradients(Parameters* gradients, size_t layer) const;
  // [rows, widths[level]]
  Matrix View(std::vector<float>* memory, size_t rows, size_t level) const {
    memory->resize(rows * deep_.widths[level]);
    return {memory->data(), rows, deep_.widths[level]};
  }
  // What layer `layer` reads.
  ConstMatrix Below(const Pass& pass, size_t layer) {
    return layer == 0 ? pass.input.x() : View(&activations_[layer], pass.batch.rows, layer);
  }

  const DeepTerm deep_;
  std::vector<std::vector<float>> activations_;  // [layers + 1][rows, width]; the first is unused
  std::vector<std::vector<float>> slopes_;       // [layers][rows, width]; the first is unused
};

LinearWeights DeepOnCpu::Weights(const Parameters& parameters, size_t layer) const {
  return {.weight = {parameters[deep_.weight_table(layer)].values.data(), deep_.widths[layer],
                     deep_.widths[layer + 1]},
          .bias = parameters[deep_.bias_table(layer)].values.data()};
}

LinearGradients DeepOnCpu::Gradients(Parameters* gradients, size_t layer) const {
  return {.weight = {(*gradients)[deep_.weight_table(layer)].values.data(), deep_.widths[layer],
                     deep_.widths[layer + 1]},
          .bias = (*gradients)[deep_.bias_table(layer)].values.data()};
}

void DeepOnCpu::Forward(const Pass& pass, Matrix margin) {
  for (size_t l = 0; l < deep_.layers(); ++l) {
    const Matrix y = View(&activations_[l + 1], pass.batch.rows, l + 1);
    LinearForward(Below(pass, l), Weights(pass.parameters, l), pass.purpose, y);
    if (l + 1 < deep_.layers()) ReluForward(activations_[l + 1]);
  }
  const std::vector<float>& output = activations_.back();
  for (size_t i = 0; i < output.size(); ++i) margin.data[i] += output[i];
}

void DeepOnCpu::Backward(const Pass& pass, ConstMatrix d_margin, Parameters* gradients) {
  ConstMatrix above = d_margin;
  for (size_t l = deep_.layers(); l-- > 0;) {
    const ConstMatrix weight = Weights(pass.parameters, l).weight;
    LinearBackwardWeights(Below(pass, l), above, Gradients(gradients, l));
    if (l > 0) {
      const Matrix slope = View(&slopes_[l], pass.batch.rows, l);
      LinearBackwardInput(above, weight, 0.0F, slope);
      ReluBackward(activations_[l], slopes_[l]);
      above = slope;
    } else if (const auto slope = pass.input.WriteSlope()) {
      LinearBackwardInput(above, weight, slope->first ? 0.0F : 1.0F, slope->matrix);
    }
  }
}

}  // namespace

std::unique_ptr<TermOnCpu> MakeTerm(const DeepTerm& term, const ModelSpec&) {
  return std::make_unique<DeepOnCpu>(term);
}

}  // namespace rubato
