#include "worker/compute/cpu/mlp.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/status.h"
#include "worker/compute/blas.h"
#include "worker/compute/cpu/embedding.h"
#include "worker/compute/cpu/fm.h"
#include "worker/compute/cpu/linear.h"
#include "worker/compute/cpu/linear_term.h"
#include "worker/compute/cpu/logistic_loss.h"
#include "worker/compute/cpu/relu.h"
#include "worker/spec/feature_keys.h"
#include "worker/spec/mlp_shape.h"
#include "worker/spec/parameter_rows.h"

namespace rubato {
namespace {

constexpr size_t kEmbedding = 0;  // when mlp_.has_embedding()

class Mlp : public Model {
 public:
  // `wide`: if the shape has a wide part.
  Mlp(MlpShape shape, std::optional<LinearTerm> wide)
      : mlp_(std::move(shape)),
        wide_(std::move(wide)),
        features_({.categories = 0, .sparse = mlp_.levels, .end = mlp_.embedding_keys}),
        activations_(mlp_.layers() + 1),
        d_activations_(mlp_.layers() + 1) {}

  const std::vector<TableSpec>& tables() const override { return mlp_.tables; }
  void FindKeys(const Batch& batch, Parameters* keys) const override;
  absl::StatusOr<double> Gradients(const Batch& batch, const Parameters& parameters,
                                   Parameters* gradients) override;
  absl::Status Predict(const Batch& batch, const Parameters& parameters,
                       std::span<float> probability) override;

 private:
  // Fills activations_, of which the last is the margin.
  void Forward(const Batch& batch, const Parameters& parameters, Purpose purpose);
  void GatherInput(const Batch& batch, const Parameters& parameters);
  // From d_activations_.back() to all gradients.
  void Backward(const Batch& batch, const Parameters& parameters, Parameters* gradients);
  void ScatterInput(const Batch& batch, const Parameters& parameters, Parameters* gradients);

  CategoryPositions Categories() const { return {features_.categories(), mlp_.categories}; }
  BagPositions Bag(const Batch& batch) const {
    return {batch.row_begin, features_.sparse(), batch.values};
  }
  // [rows, widths[level]]
  Matrix Activation(size_t level) { return View(&activations_[level], level); }
  Matrix Slope(size_t level) { return View(&d_activations_[level], level); }
  Matrix View(std::vector<float>* memory, size_t level) {
    memory->resize(rows_ * mlp_.widths[level]);
    return {memory->data(), rows_, mlp_.widths[level]};
  }
  FmInput Pairs(const Batch& batch, const Parameters& parameters);
  Matrix Sums() {
    sums_.resize(rows_ * mlp_.embedding_dim);
    return {sums_.data(), rows_, mlp_.embedding_dim};
  }
  static ConstMatrix Embeddings(const Parameters& parameters, size_t dim) {
    return {parameters[kEmbedding].values.data(), parameters[kEmbedding].keys.size(), dim};
  }
  LinearWeights Weights(const Parameters& parameters, size_t layer) const;

  MlpShape mlp_;
  mutable std::optional<LinearTerm> wide_;
  mutable FeatureKeys features_;
  size_t rows_ = 0;                                // of the batch under way
  std::vector<std::vector<float>> activations_;    // [layers + 1][rows, width]
  std::vector<std::vector<float>> d_activations_;  // the same
  std::vector<float> sums_;                        // [rows, embedding_dim] of the pairs
};

void Mlp::FindKeys(const Batch& batch, Parameters* keys) const {
  ClearRows(mlp_.tables, keys);
  if (mlp_.has_embedding()) features_.Find(batch, &(*keys)[kEmbedding].keys);
  for (size_t t = mlp_.weight_table(0); t < mlp_.tables.size(); ++t) {
    if (mlp_.tables[t].kind == TableKind::kDense) AllBlocks(mlp_.tables[t], &(*keys)[t]);
  }
  if (wide_) wide_->FindKeys(batch, &(*keys)[mlp_.wide_table()].keys);
}

void Mlp::GatherInput(const Batch& batch, const Parameters& parameters) {
  const Matrix x = Activation(0);
  for (size_t r = 0; r < rows_; ++r) {
    std::copy_n(batch.numeric.data() + r * mlp_.numeric, mlp_.numeric, x.data + r * x.cols);
  }
  if (!mlp_.has_embedding()) return;
  features_.Locate(batch, parameters[kEmbedding].keys);
  const ConstMatrix weights = Embeddings(parameters, mlp_.embedding_dim);
  GatherCategories(Categories(), weights, mlp_.numeric, x);
  if (mlp_.has_bag) GatherBag(Bag(batch), weights, mlp_.bag_column(), x);
}

LinearWeights Mlp::Weights(const Parameters& parameters, size_t layer) const {
  return {.weight = {parameters[mlp_.weight_table(layer)].values.data(), mlp_.widths[layer],
                     mlp_.widths[layer + 1]},
          .bias = parameters[mlp_.bias_table(layer)].values.data()};
}

void Mlp::Forward(const Batch& batch, const Parameters& parameters, Purpose purpose) {
  CheckParameters(mlp_.tables, parameters);
  CHECK(batch.numeric_columns == mlp_.numeric && batch.category_columns == mlp_.categories);
  CHECK(!mlp_.has_bag || batch.row_begin.size() == batch.rows + 1);
  rows_ = batch.rows;
  GatherInput(batch, parameters);
  for (size_t l = 0; l < mlp_.layers(); ++l) {
    const Matrix y = Activation(l + 1);
    LinearForward(Activation(l), Weights(parameters, l), purpose, y);
    if (l + 1 < mlp_.layers()) ReluForward(activations_[l + 1]);
  }
  std::vector<float>& margin = activations_.back();
  if (wide_) wide_->Forward(batch, parameters[mlp_.wide_table()], purpose, margin);
  if (mlp_.has_fm) FmForward(Pairs(batch, parameters), Sums(), margin);
}

FmInput Mlp::Pairs(const Batch& batch, const Parameters& parameters) {
  FmInput in;
  in.x = Activation(0);
  in.weights = Embeddings(parameters, mlp_.embedding_dim);
  in.first_column = mlp_.numeric;
  in.categories = mlp_.categories;
  in.bag_column = mlp_.bag_column();
  if (mlp_.has_bag) in.bag = Bag(batch);
  return in;
}

void Mlp::Backward(const Batch& batch, const Parameters& parameters, Parameters* gradients) {
  for (size_t l = mlp_.layers(); l-- > 0;) {
    const LinearWeights weights = Weights(parameters, l);
    LinearBackwardWeights(Activation(l), Slope(l + 1),
                          {.weight = {(*gradients)[mlp_.weight_table(l)].values.data(),
                                      weights.weight.rows, weights.weight.cols},
                           .bias = (*gradients)[mlp_.bias_table(l)].values.data()});
    if (l == 0 && !mlp_.has_embedding()) return;
    LinearBackwardInput(Slope(l + 1), weights.weight, Slope(l));
    if (l > 0) ReluBackward(activations_[l], d_activations_[l]);
  }
  ScatterInput(batch, parameters, gradients);
}

void Mlp::ScatterInput(const Batch& batch, const Parameters& parameters, Parameters* gradients) {
  ParameterRows& rows = (*gradients)[kEmbedding];
  const Matrix d_weights{rows.values.data(), rows.keys.size(), mlp_.embedding_dim};
  if (mlp_.has_fm) {
    FmBackward(Pairs(batch, parameters), Sums(), d_activations_.back(), Slope(0), d_weights);
  }
  ScatterCategories(Categories(), Slope(0), mlp_.numeric, d_weights);
  if (mlp_.has_bag) ScatterBag(Bag(batch), Slope(0), mlp_.bag_column(), d_weights);
}

absl::StatusOr<double> Mlp::Gradients(const Batch& batch, const Parameters& parameters,
                                      Parameters* gradients) {
  Forward(batch, parameters, Purpose::kTraining);
  ShapeGradients(mlp_.tables, parameters, gradients);
  const Matrix d_margin = Slope(mlp_.layers());
  const double loss = LogisticLossGradient(activations_.back(), batch.labels, batch.weights,
                                           {d_margin.data, rows_});
  if (wide_) {
    wide_->Backward(batch, d_activations_.back(), (*gradients)[mlp_.wide_table()].values.data());
  }
  Backward(batch, parameters, gradients);
  return loss;
}

absl::Status Mlp::Predict(const Batch& batch, const Parameters& parameters,
                          std::span<float> probability) {
  Forward(batch, parameters, Purpose::kScore);
  Sigmoid(activations_.back(), probability);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeMlp(const RunConfig& config, const DatasetShape& shape) {
  ASSIGN_OR_RETURN(MlpShape mlp, MakeMlpShape(config, shape));
  std::optional<LinearTerm> wide;
  if (mlp.has_wide) {
    ASSIGN_OR_RETURN(wide, LinearTerm::Make(shape));
  }
  return std::make_unique<Mlp>(std::move(mlp), std::move(wide));
}

}  // namespace rubato
