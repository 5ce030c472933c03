#include "common/base/status.h"
#include "worker/compute/cpu/blas.h"
#include "worker/compute/cpu/term_on_cpu.h"
#include "worker/spec/feature_keys.h"

namespace rubato {
namespace {

class LinearOnCpu : public TermOnCpu {
 public:
  LinearOnCpu(const LinearTerm& term, size_t numeric)
      : table_(term.table), numeric_(numeric), features_(term.keys) {}

  void Forward(const Pass& pass, std::span<float> margin) override;
  // Slopes of numeric columns are overwritten, the others summed.
  void Backward(const Pass& pass, std::span<const float> d_margin, Parameters* gradients) override;

 private:
  const size_t table_;
  const size_t numeric_;
  FeatureKeys features_;
};

void LinearOnCpu::Forward(const Pass& pass, std::span<float> margin) {
  const Batch& batch = pass.batch;
  const ParameterRows& rows = pass.parameters[table_];
  CHECK(batch.numeric_columns == numeric_ && rows.keys.size() >= numeric_);
  const float* weights = rows.values.data();
  features_.Locate(batch, rows.keys);
  const auto categories = features_.categories();
  const auto sparse = features_.sparse();
  if (numeric_ > 0) {
    AddProducts({batch.numeric.data(), batch.rows, numeric_}, {weights, numeric_, 1}, pass.purpose,
                {margin.data(), batch.rows, 1});
  }
  const size_t columns = batch.category_columns;
  for (size_t r = 0; r < batch.rows; ++r) {
    float sum = 0.0F;
    for (size_t i = r * columns; i < (r + 1) * columns; ++i) sum += weights[categories[i]];
    if (!batch.row_begin.empty()) {
      for (size_t i = batch.row_begin[r]; i < batch.row_begin[r + 1]; ++i) {
        sum += batch.values[i] * weights[sparse[i]];
      }
    }
    margin[r] += sum;
  }
}

void LinearOnCpu::Backward(const Pass& pass, std::span<const float> d_margin,
                           Parameters* gradients) {
  const Batch& batch = pass.batch;
  float* const d_weights = (*gradients)[table_].values.data();
  if (numeric_ > 0) {
    Multiply({.matrix = {batch.numeric.data(), batch.rows, numeric_}, .transpose = Transpose::kYes},
             {.matrix = {d_margin.data(), batch.rows, 1}}, 0.0F, {d_weights, numeric_, 1});
  }
  const auto categories = features_.categories();
  const auto sparse = features_.sparse();
  const size_t columns = batch.category_columns;
  for (size_t r = 0; r < batch.rows; ++r) {
    const float d = d_margin[r];
    for (size_t i = r * columns; i < (r + 1) * columns; ++i) d_weights[categories[i]] += d;
    if (batch.row_begin.empty()) continue;
    for (size_t i = batch.row_begin[r]; i < batch.row_begin[r + 1]; ++i) {
      d_weights[sparse[i]] += d * batch.values[i];
    }
  }
}

}  // namespace

std::unique_ptr<TermOnCpu> MakeTerm(const LinearTerm& term, const ModelSpec& spec) {
  return std::make_unique<LinearOnCpu>(term, spec.data.numeric_columns);
}

}  // namespace rubato
