#include "worker/compute/cpu/linear_term.h"

#include <utility>

#include "common/base/status.h"
#include "worker/compute/blas.h"
#include "worker/spec/parameter_rows.h"

namespace rubato {

TableSpec LinearTermTable(std::string name, const OptimizerSpec& optimizer) {
  TableSpec table;
  table.name = std::move(name);
  table.kind = TableKind::kSparse;
  table.optimizer = optimizer;
  return table;
}

absl::StatusOr<LinearTerm> LinearTerm::Make(const DatasetShape& shape) {
  ASSIGN_OR_RETURN(const uint64_t key_space, KeySpace(shape.numeric_columns, shape));
  return LinearTerm(shape, key_space);
}

LinearTerm::LinearTerm(const DatasetShape& shape, uint64_t key_space)
    : numeric_(shape.numeric_columns),
      features_({.categories = shape.numeric_columns,
                 .sparse = shape.numeric_columns + shape.levels,
                 .end = key_space}) {}

void LinearTerm::FindKeys(const Batch& batch, std::vector<RowKey>* keys) {
  CHECK(batch.numeric_columns == numeric_);
  for (size_t k = 0; k < numeric_; ++k) keys->push_back(RowKey(k));
  features_.Find(batch, keys);
}

void LinearTerm::Forward(const Batch& batch, const ParameterRows& rows, Purpose purpose,
                         std::span<float> margin) {
  CHECK(batch.numeric_columns == numeric_ && rows.keys.size() >= numeric_);
  const float* weights = rows.values.data();
  features_.Locate(batch, rows.keys);
  const auto categories = features_.categories();
  const auto sparse = features_.sparse();
  if (numeric_ > 0) {
    AddProducts({batch.numeric.data(), batch.rows, numeric_}, {weights, numeric_, 1}, purpose,
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

void LinearTerm::Backward(const Batch& batch, std::span<const float> d_margin,
                          float* d_weights) const {
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

}  // namespace rubato
