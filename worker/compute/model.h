// A model: which rows of which tables a batch needs, and the gradients and predictions they give.
// The CPU's is the reference (worker/compute/cpu/network_on_cpu.h); the CUDA backend gives models
// with the same interface.
#pragma once

#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/job/table_spec.h"
#include "worker/spec/batch.h"
#include "worker/spec/model_spec.h"
#include "worker/spec/parameters.h"

namespace rubato {

// One object per thread: it keeps scratch memory from call to call. Errors are a GPU's alone.
class Model {
 public:
  virtual ~Model() = default;
  virtual const ModelSpec& spec() const = 0;
  const std::vector<TableSpec>& tables() const { return spec().tables; }
  // Keys of `batch`, one entry per table in the order of tables(); values are left empty.
  virtual void FindKeys(const Batch& batch, Parameters* keys) const = 0;
  // Mean gradient of the weighted loss over the batch, for the rows of `parameters` (as FindKeys
  // gave them, values filled in). Returns the mean loss. Requires batch.rows > 0.
  virtual absl::StatusOr<double> Gradients(const Batch& batch, const Parameters& parameters,
                                           Parameters* gradients) = 0;
  // prediction[batch.rows, outputs], what the spec's target says of each row. `parameters` as for
  // Gradients. On the CPU a row's is the same to the bit whatever other rows are in the batch.
  virtual absl::Status Predict(const Batch& batch, const Parameters& parameters,
                               std::span<float> prediction) = 0;
};

}  // namespace rubato
