#include <algorithm>
#include <numeric>
#include <optional>

#include "common/base/status.h"
#include "worker/compute/cpu/blas.h"
#include "worker/compute/cpu/fm.h"
#include "worker/compute/cpu/term_on_cpu.h"

namespace rubato {
namespace {

class FmOnCpu : public TermOnCpu {
 public:
  explicit FmOnCpu(const FactorizationMachine& term) : table_(term.table) {}

  bool ReadsInput() const override { return true; }
  void Forward(const Pass& pass, Matrix margin) override;
  void Backward(const Pass& pass, ConstMatrix d_margin, Parameters* gradients) override;

 private:
  static FmInput Input(const Pass& pass);
  // From d_margin to the slope of pairs_, and to the weights of several outputs.
  Matrix BackwardPairs(const Pass& pass, ConstMatrix d_margin, Parameters* gradients);
  static Matrix View(std::vector<float>* memory, const Pass& pass) {
    memory->resize(pass.batch.rows * pass.input.dim());
    return {memory->data(), pass.batch.rows, pass.input.dim()};
  }

  const std::optional<size_t> table_;  // of several outputs: weights [dim, outputs]
  std::vector<float> sums_;            // [rows, dim]
  std::vector<float> pairs_;           // [rows, dim]
  std::vector<float> d_pairs_;         // [rows, dim]
};

FmInput FmOnCpu::Input(const Pass& pass) {
  const ParameterRows& vectors = pass.parameters[pass.input.table()];
  return {.x = pass.input.x(),
          .weights = {vectors.values.data(), vectors.keys.size(), pass.input.dim()},
          .first_column = pass.input.first_column(),
          .categories = pass.input.categories().columns,
          .bag_column = pass.input.bag_column(),
          .bag = pass.input.bag(pass.batch)};
}

void FmOnCpu::Forward(const Pass& pass, Matrix margin) {
  const Matrix pairs = View(&pairs_, pass);
  FmForward(Input(pass), View(&sums_, pass), pairs);
  if (table_) {
    const float* const weights = pass.parameters[*table_].values.data();
    return AddProducts(pairs, {weights, pairs.cols, margin.cols}, pass.purpose, margin);
  }
  for (size_t r = 0; r < margin.rows; ++r) {
    const float* const row = pairs.data + r * pairs.cols;
    margin.data[r] += std::accumulate(row, row + pairs.cols, 0.0F);
  }
}

Matrix FmOnCpu::BackwardPairs(const Pass& pass, ConstMatrix d_margin, Parameters* gradients) {
  const Matrix d_pairs = View(&d_pairs_, pass);
  if (table_) {
    const ConstMatrix weights{pass.parameters[*table_].values.data(), d_pairs.cols, d_margin.cols};
    Multiply({.matrix = View(&pairs_, pass), .transpose = Transpose::kYes}, {.matrix = d_margin},
             0.0F, {(*gradients)[*table_].values.data(), weights.rows, weights.cols});
    LinearBackwardInput(d_margin, weights, 0.0F, d_pairs);
    return d_pairs;
  }
  for (size_t r = 0; r < d_pairs.rows; ++r) {
    std::fill_n(d_pairs.data + r * d_pairs.cols, d_pairs.cols, d_margin.data[r]);
  }
  return d_pairs;
}

void FmOnCpu::Backward(const Pass& pass, ConstMatrix d_margin, Parameters* gradients) {
  const auto slope = pass.input.WriteSlope();
  CHECK(slope.has_value(), "a factorization machine without embeddings");
  const Matrix dx = slope->matrix;
  if (slope->first) std::fill_n(dx.data, dx.rows * dx.cols, 0.0F);
  ParameterRows& vectors = (*gradients)[pass.input.table()];
  FmBackward(Input(pass), View(&sums_, pass), BackwardPairs(pass, d_margin, gradients), dx,
             {vectors.values.data(), vectors.keys.size(), pass.input.dim()});
}

}  // namespace

std::unique_ptr<TermOnCpu> MakeTerm(const FactorizationMachine& term, const ModelSpec&) {
  return std::make_unique<FmOnCpu>(term);
}

}  // namespace rubato
