// A model: which rows of which tables a batch needs, and the gradients and predictions they give.
// The CPU reference stands beside this file; the CUDA backend (worker/compute/cuda/) gives models
// with the same interface.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/ids.h"
#include "common/job/table_spec.h"
#include "common/memory/floats.h"
#include "worker/data/dataset/dataset.h"
#include "worker/run_file/run_config.h"

namespace rubato {

// Rows of one table that a batch needs: sorted distinct keys, and after a pull their weights
// [keys.size(), dim] row-major. Gradients have the same shape and order.
struct ParameterRows {
  TableId table;
  std::vector<RowKey> keys;
  Floats values;
};
using Parameters = std::vector<ParameterRows>;

// One object per thread: it keeps scratch memory from call to call. Errors are a GPU's alone.
class Model {
 public:
  virtual ~Model() = default;
  // Tables at the servers, ids 0, 1, ... in order.
  virtual const std::vector<TableSpec>& tables() const = 0;
  // Keys of `batch`, one entry per table in the order of tables(); values are left empty.
  virtual void FindKeys(const Batch& batch, Parameters* keys) const = 0;
  // Mean gradient of the weighted loss over the batch, for the rows of `parameters` (as FindKeys
  // gave them, values filled in). Returns the mean loss. Requires batch.rows > 0.
  virtual absl::StatusOr<double> Gradients(const Batch& batch, const Parameters& parameters,
                                           Parameters* gradients) = 0;
  // probability[batch.rows] of label 1. `parameters` as for Gradients. On the CPU a row's is the
  // same to the bit whatever other rows are in the batch.
  virtual absl::Status Predict(const Batch& batch, const Parameters& parameters,
                               std::span<float> probability) = 0;
};

// The model that a run file names, over data of this shape, on the CPU.
absl::StatusOr<std::unique_ptr<Model>> MakeModel(const RunConfig& config,
                                                 const DatasetShape& shape);

}  // namespace rubato
