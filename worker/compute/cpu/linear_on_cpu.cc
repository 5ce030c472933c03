#include <algorithm>

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

  void Forward(const Pass& pass, Matrix margin) override;
  // Slopes of numeric columns are overwritten, the others summed.
  void Backward(const Pass& pass, ConstMatrix d_margin, Parameters* gradients) override;

 private:
  template <size_t kOutputs>
  void AddFeatures(const Batch& batch, const float* weights, Matrix margin);
  template <size_t kOutputs>
  void SumFeatures(const Batch& batch, ConstMatrix d_margin, float* d_weights) const;

  const size_t table_;
  const size_t numeric_;
  FeatureKeys features_;
  std::vector<float> sum_;  // [outputs]
};

// Of a matrix: kOutputs, or what it has where that is 0. One output, which most models have, is
// worth a loop of its own.
template <size_t kOutputs>
size_t Columns(const ConstMatrix& matrix) {
  return kOutputs == 0 ? matrix.cols : kOutputs;
}

void LinearOnCpu::Forward(const Pass& pass, Matrix margin) {
  const Batch& batch = pass.batch;
  const ParameterRows& rows = pass.parameters[table_];
  CHECK(batch.numeric_columns == numeric_ && rows.keys.size() >= numeric_);
  const float* weights = rows.values.data();
  features_.Locate(batch, rows.keys);
  if (numeric_ > 0) {
    AddProducts({batch.numeric.data(), batch.rows, numeric_}, {weights, numeric_, margin.cols},
                pass.purpose, margin);
  }
  margin.cols == 1 ? AddFeatures<1>(batch, weights, margin)
                   : AddFeatures<0>(batch, weights, margin);
}

template <size_t kOutputs>
void LinearOnCpu::AddFeatures(const Batch& batch, const float* weights, Matrix margin) {
  const size_t outputs = Columns<kOutputs>(margin);
  const auto categories = features_.categories();
  const auto sparse = features_.sparse();
  const size_t columns = batch.category_columns;
  sum_.resize(outputs);
  float* const sum = sum_.data();
  for (size_t r = 0; r < batch.rows; ++r) {
    std::fill_n(sum, outputs, 0.0F);
    for (size_t i = r * columns; i < (r + 1) * columns; ++i) {
      const float* const w = weights + categories[i] * outputs;
      for (size_t k = 0; k < outputs; ++k) sum[k] += w[k];
    }
    if (!batch.row_begin.empty()) {
      for (size_t i = batch.row_begin[r]; i < batch.row_begin[r + 1]; ++i) {
        const float* const w = weights + sparse[i] * outputs;
        for (size_t k = 0; k < outputs; ++k) sum[k] += batch.values[i] * w[k];
      }
    }
    for (size_t k = 0; k < outputs; ++k) margin.data[r * outputs + k] += sum[k];
  }
}

void LinearOnCpu::Backward(const Pass& pass, ConstMatrix d_margin, Parameters* gradients) {
  const Batch& batch = pass.batch;
  float* const d_weights = (*gradients)[table_].values.data();
  if (numeric_ > 0) {
    Multiply({.matrix = {batch.numeric.data(), batch.rows, numeric_}, .transpose = Transpose::kYes},
             {.matrix = d_margin}, 0.0F, {d_weights, numeric_, d_margin.cols});
  }
  d_margin.cols == 1 ? SumFeatures<1>(batch, d_margin, d_weights)
                     : SumFeatures<0>(batch, d_margin, d_weights);
}

template <size_t kOutputs>
void LinearOnCpu::SumFeatures(const Batch& batch, ConstMatrix d_margin, float* d_weights) const {
  const size_t outputs = Columns<kOutputs>(d_margin);
  const auto categories = features_.categories();
  const auto sparse = features_.sparse();
  const size_t columns = batch.category_columns;
  for (size_t r = 0; r < batch.rows; ++r) {
    const float* const d = d_margin.data + r * outputs;
    for (size_t i = r * columns; i < (r + 1) * columns; ++i) {
      float* const w = d_weights + categories[i] * outputs;
      for (size_t k = 0; k < outputs; ++k) w[k] += d[k];
    }
    if (batch.row_begin.empty()) continue;
    for (size_t i = batch.row_begin[r]; i < batch.row_begin[r + 1]; ++i) {
      float* const w = d_weights + sparse[i] * outputs;
      for (size_t k = 0; k < outputs; ++k) w[k] += d[k] * batch.values[i];
    }
  }
}

}  // namespace

std::unique_ptr<TermOnCpu> MakeTerm(const LinearTerm& term, const ModelSpec& spec) {
  return std::make_unique<LinearOnCpu>(term, spec.data.numeric_columns);
}

}  // namespace rubato
