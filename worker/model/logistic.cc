#include "worker/model/logistic.h"

#include <algorithm>
#include <utility>

#include "common/status.h"
#include "worker/compute/blas.h"
#include "worker/model/feature_keys.h"
#include "worker/model/layers/logistic_loss.h"
#include "worker/model/parameter_rows.h"

namespace rubato {
namespace {

constexpr size_t kWeights = 0;
constexpr size_t kBias = 1;

std::vector<TableSpec> LogisticTables(const OptimizerSpec& optimizer, Staleness staleness) {
  TableSpec weights;
  weights.id = TableId(kWeights);
  weights.name = "weights";
  weights.kind = TableKind::kSparse;
  weights.optimizer = optimizer;
  weights.staleness = staleness;
  TableSpec bias = weights;
  bias.id = TableId(kBias);
  bias.name = "bias";
  bias.kind = TableKind::kDense;
  bias.size = 1;
  bias.optimizer = WithoutPenalty(optimizer);
  return {weights, bias};
}

class Logistic : public Model {
 public:
  Logistic(std::vector<TableSpec> tables, const DatasetShape& shape, uint64_t key_space)
      : tables_(std::move(tables)),
        numeric_(shape.numeric_columns),
        features_({.categories = shape.numeric_columns,
                   .sparse = shape.numeric_columns + shape.levels,
                   .end = key_space}) {}

  const std::vector<TableSpec>& tables() const override { return tables_; }
  void FindKeys(const Batch& batch, Parameters* keys) const override;
  double Gradients(const Batch& batch, const Parameters& parameters,
                   Parameters* gradients) override;
  void Predict(const Batch& batch, const Parameters& parameters,
               std::span<float> probability) override;

 private:
  // margin_[rows], and the positions of the batch's keys for a backward pass.
  void Forward(const Batch& batch, const Parameters& parameters);
  // Adds X^T d_margin to weights[keys].
  void Backward(const Batch& batch, float* weights) const;

  std::vector<TableSpec> tables_;
  size_t numeric_;
  mutable FeatureKeys features_;
  std::vector<float> margin_;    // [rows]
  std::vector<float> d_margin_;  // [rows]
};

void Logistic::FindKeys(const Batch& batch, Parameters* keys) const {
  CHECK(batch.numeric_columns == numeric_);
  ClearRows(tables_, keys);
  std::vector<RowKey>& weights = (*keys)[kWeights].keys;
  for (size_t k = 0; k < numeric_; ++k) weights.push_back(RowKey(k));
  features_.Find(batch, &weights);
  AllBlocks(tables_[kBias], &(*keys)[kBias]);
}

void Logistic::Forward(const Batch& batch, const Parameters& parameters) {
  CheckParameters(tables_, parameters);
  CHECK(batch.numeric_columns == numeric_ && parameters[kWeights].keys.size() >= numeric_);
  const float* weights = parameters[kWeights].values.data();
  features_.Locate(batch, parameters[kWeights].keys);
  const auto categories = features_.categories();
  const auto sparse = features_.sparse();
  margin_.assign(batch.rows, parameters[kBias].values[0]);
  if (numeric_ > 0) {
    Multiply({.matrix = {batch.numeric.data(), batch.rows, numeric_}},
             {.matrix = {weights, numeric_, 1}}, 1.0F, {margin_.data(), batch.rows, 1});
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
    margin_[r] += sum;
  }
}

void Logistic::Backward(const Batch& batch, float* weights) const {
  if (numeric_ > 0) {
    Multiply({.matrix = {batch.numeric.data(), batch.rows, numeric_}, .transpose = Transpose::kYes},
             {.matrix = {d_margin_.data(), batch.rows, 1}}, 0.0F, {weights, numeric_, 1});
  }
  const auto categories = features_.categories();
  const auto sparse = features_.sparse();
  const size_t columns = batch.category_columns;
  for (size_t r = 0; r < batch.rows; ++r) {
    const float d = d_margin_[r];
    for (size_t i = r * columns; i < (r + 1) * columns; ++i) weights[categories[i]] += d;
    if (batch.row_begin.empty()) continue;
    for (size_t i = batch.row_begin[r]; i < batch.row_begin[r + 1]; ++i) {
      weights[sparse[i]] += d * batch.values[i];
    }
  }
}

double Logistic::Gradients(const Batch& batch, const Parameters& parameters,
                           Parameters* gradients) {
  Forward(batch, parameters);
  d_margin_.resize(batch.rows);
  const double loss = LogisticLossGradient(margin_, batch.labels, batch.weights, d_margin_);
  ShapeGradients(tables_, parameters, gradients);
  Backward(batch, (*gradients)[kWeights].values.data());
  float bias = 0.0F;
  for (const float d : d_margin_) bias += d;
  (*gradients)[kBias].values[0] = bias;
  return loss;
}

void Logistic::Predict(const Batch& batch, const Parameters& parameters,
                       std::span<float> probability) {
  Forward(batch, parameters);
  Sigmoid(margin_, probability);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeLogistic(const RunConfig& config,
                                                    const DatasetShape& shape) {
  ASSIGN_OR_RETURN(const OptimizerSpec optimizer, ToOptimizerSpec(config.optimizer));
  ASSIGN_OR_RETURN(const uint64_t key_space, KeySpace(shape.numeric_columns, shape));
  return std::make_unique<Logistic>(LogisticTables(optimizer, config.train.staleness), shape,
                                    key_space);
}

}  // namespace rubato
