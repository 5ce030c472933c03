// A model trained in one process, on a server's tables without a server: pull, compute, push.
#pragma once

#include <memory>
#include <vector>

#include "common/base/status.h"
#include "server/table/make_table.h"
#include "worker/compute/model.h"

namespace rubato {

class ReferenceTraining {
 public:
  ReferenceTraining(Model* model, uint64_t seed) : model_(model) {
    for (const TableSpec& spec : model->tables()) {
      tables_.push_back(MakeTable(spec, PlaceId(0), 1, seed));
    }
  }

  // One step on `batch`; returns its loss before the step.
  double Step(const Batch& batch) {
    Pull(batch);
    const absl::StatusOr<double> loss = model_->Gradients(batch, parameters_, &gradients_);
    CHECK(loss.ok(), std::string(loss.status().message()));
    for (size_t t = 0; t < tables_.size(); ++t) {
      tables_[t]->Apply(gradients_[t].keys, gradients_[t].values.data());
    }
    return *loss;
  }

  // Keys in, the same keys with their weights out, as of a server.
  Parameters Read(Parameters keys) const {
    for (size_t t = 0; t < tables_.size(); ++t) {
      keys[t].values.resize(keys[t].keys.size() * tables_[t]->spec().dim);
      tables_[t]->Gather(keys[t].keys, keys[t].values.data());
    }
    return keys;
  }

  std::vector<float> Predict(const Batch& batch) {
    Pull(batch);
    std::vector<float> probability(batch.rows * model_->spec().outputs());
    CHECK(model_->Predict(batch, parameters_, probability).ok());
    return probability;
  }

 private:
  void Pull(const Batch& batch) {
    model_->FindKeys(batch, &parameters_);
    for (size_t t = 0; t < tables_.size(); ++t) {
      ParameterRows& rows = parameters_[t];
      rows.values.resize(rows.keys.size() * tables_[t]->spec().dim);
      tables_[t]->Gather(rows.keys, rows.values.data());
    }
  }

  Model* model_;  // not owned
  std::vector<std::unique_ptr<Table>> tables_;
  Parameters parameters_;
  Parameters gradients_;
};

}  // namespace rubato
