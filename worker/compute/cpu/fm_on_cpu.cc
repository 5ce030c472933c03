#include <algorithm>

#include "common/base/status.h"
#include "worker/compute/cpu/fm.h"
#include "worker/compute/cpu/term_on_cpu.h"

namespace rubato {
namespace {

class FmOnCpu : public TermOnCpu {
 public:
  bool ReadsInput() const override { return true; }
  void Forward(const Pass& pass, std::span<float> margin) override {
    FmForward(Pairs(pass), Sums(pass), margin);
  }
  void Backward(const Pass& pass, std::span<const float> d_margin, Parameters* gradients) override;

 private:
  static FmInput Pairs(const Pass& pass);
  Matrix Sums(const Pass& pass) {
    sums_.resize(pass.batch.rows * pass.input.dim());
    return {sums_.data(), pass.batch.rows, pass.input.dim()};
  }

  std::vector<float> sums_;  // [rows, dim]
};

FmInput FmOnCpu::Pairs(const Pass& pass) {
  const ParameterRows& vectors = pass.parameters[pass.input.table()];
  return {.x = pass.input.x(),
          .weights = {vectors.values.data(), vectors.keys.size(), pass.input.dim()},
          .first_column = pass.input.first_column(),
          .categories = pass.input.categories().columns,
          .bag_column = pass.input.bag_column(),
          .bag = pass.input.bag(pass.batch)};
}

void FmOnCpu::Backward(const Pass& pass, std::span<const float> d_margin, Parameters* gradients) {
  const auto slope = pass.input.WriteSlope();
  CHECK(slope.has_value(), "a factorization machine without embeddings");
  const Matrix dx = slope->matrix;
  if (slope->first) std::fill_n(dx.data, dx.rows * dx.cols, 0.0F);
  ParameterRows& vectors = (*gradients)[pass.input.table()];
  FmBackward(Pairs(pass), Sums(pass), d_margin, dx,
             {vectors.values.data(), vectors.keys.size(), pass.input.dim()});
}

}  // namespace

std::unique_ptr<TermOnCpu> MakeTerm(const FactorizationMachine&, const ModelSpec&) {
  return std::make_unique<FmOnCpu>();
}

}  // namespace rubato
