#include "worker/compute/cpu/term_on_cpu.h"

namespace rubato {
namespace {

class BiasOnCpu : public TermOnCpu {
 public:
  explicit BiasOnCpu(size_t table) : table_(table) {}

  void Forward(const Pass& pass, Matrix margin) override {
    AddToRows(pass.parameters[table_].values.data(), margin);
  }
  void Backward(const Pass&, ConstMatrix d_margin, Parameters* gradients) override {
    SumColumns(d_margin, (*gradients)[table_].values.data());
  }

 private:
  const size_t table_;
};

}  // namespace

std::unique_ptr<TermOnCpu> MakeTerm(const BiasTerm& term, const ModelSpec&) {
  return std::make_unique<BiasOnCpu>(term.table);
}

}  // namespace rubato
