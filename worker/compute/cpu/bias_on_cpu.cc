#include "worker/compute/cpu/term_on_cpu.h"

namespace rubato {
namespace {

class BiasOnCpu : public TermOnCpu {
 public:
  explicit BiasOnCpu(size_t table) : table_(table) {}

  void Forward(const Pass& pass, std::span<float> margin) override {
    const float bias = pass.parameters[table_].values[0];
    for (float& m : margin) m += bias;
  }
  void Backward(const Pass&, std::span<const float> d_margin, Parameters* gradients) override {
    float sum = 0.0F;
    for (const float d : d_margin) sum += d;
    (*gradients)[table_].values[0] = sum;
  }

 private:
  const size_t table_;
};

}  // namespace

std::unique_ptr<TermOnCpu> MakeTerm(const BiasTerm& term, const ModelSpec&) {
  return std::make_unique<BiasOnCpu>(term.table);
}

}  // namespace rubato
