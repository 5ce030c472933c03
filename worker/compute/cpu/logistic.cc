#include "worker/compute/cpu/logistic.h"

#include <utility>

#include "common/base/status.h"
#include "worker/compute/cpu/linear_term.h"
#include "worker/compute/cpu/logistic_loss.h"
#include "worker/spec/parameter_rows.h"

namespace rubato {
namespace {

constexpr size_t kWeights = 0;
constexpr size_t kBias = 1;

std::vector<TableSpec> LogisticTables(const OptimizerSpec& optimizer, Staleness staleness,
                                      float base_margin) {
  TableSpec weights = LinearTermTable("weights", optimizer);
  weights.id = TableId(kWeights);
  weights.staleness = staleness;
  TableSpec bias = weights;
  bias.id = TableId(kBias);
  bias.name = "bias";
  bias.kind = TableKind::kDense;
  bias.size = 1;
  bias.initializer = {InitializerKind::kConstant, base_margin};
  bias.optimizer = WithoutPenalty(optimizer);
  return {weights, bias};
}

class Logistic : public Model {
 public:
  Logistic(std::vector<TableSpec> tables, LinearTerm linear)
      : tables_(std::move(tables)), linear_(std::move(linear)) {}

  const std::vector<TableSpec>& tables() const override { return tables_; }
  void FindKeys(const Batch& batch, Parameters* keys) const override;
  absl::StatusOr<double> Gradients(const Batch& batch, const Parameters& parameters,
                                   Parameters* gradients) override;
  absl::Status Predict(const Batch& batch, const Parameters& parameters,
                       std::span<float> probability) override;

 private:
  // margin_[rows], and what a backward pass needs.
  void Forward(const Batch& batch, const Parameters& parameters, Purpose purpose);

  std::vector<TableSpec> tables_;
  mutable LinearTerm linear_;
  std::vector<float> margin_;    // [rows]
  std::vector<float> d_margin_;  // [rows]
};

void Logistic::FindKeys(const Batch& batch, Parameters* keys) const {
  ClearRows(tables_, keys);
  linear_.FindKeys(batch, &(*keys)[kWeights].keys);
  AllBlocks(tables_[kBias], &(*keys)[kBias]);
}

void Logistic::Forward(const Batch& batch, const Parameters& parameters, Purpose purpose) {
  CheckParameters(tables_, parameters);
  margin_.assign(batch.rows, parameters[kBias].values[0]);
  linear_.Forward(batch, parameters[kWeights], purpose, margin_);
}

absl::StatusOr<double> Logistic::Gradients(const Batch& batch, const Parameters& parameters,
                                           Parameters* gradients) {
  Forward(batch, parameters, Purpose::kTraining);
  d_margin_.resize(batch.rows);
  const double loss = LogisticLossGradient(margin_, batch.labels, batch.weights, d_margin_);
  ShapeGradients(tables_, parameters, gradients);
  linear_.Backward(batch, d_margin_, (*gradients)[kWeights].values.data());
  float bias = 0.0F;
  for (const float d : d_margin_) bias += d;
  (*gradients)[kBias].values[0] = bias;
  return loss;
}

absl::Status Logistic::Predict(const Batch& batch, const Parameters& parameters,
                               std::span<float> probability) {
  Forward(batch, parameters, Purpose::kScore);
  Sigmoid(margin_, probability);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeLogistic(const RunConfig& config,
                                                    const DatasetShape& shape) {
  ASSIGN_OR_RETURN(const OptimizerSpec optimizer, ToOptimizerSpec(config.optimizer));
  ASSIGN_OR_RETURN(LinearTerm linear, LinearTerm::Make(shape));
  return std::make_unique<Logistic>(
      LogisticTables(optimizer, config.train.staleness, shape.base_margin), std::move(linear));
}

}  // namespace rubato
