// Batches in flight on their way to gradients: first its keys, then, once their weights came, the
// step, then its gradients. On a GPU the three overlap: keys of later batches are found and inputs
// go up while an earlier batch is computed.
//
// First in, first out: Begin is for the oldest batch that has no weights yet, Finish for the oldest
// that has begun. One thread.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/compute/model.h"
#include "worker/spec/batch.h"
#include "worker/spec/parameters.h"

namespace rubato {

class Pipeline {
 public:
  virtual ~Pipeline() = default;
  // Takes a batch in and finds its keys, as Model::FindKeys does. `keys` may come with memory that
  // the device can reach: fill in the values there. Requires batch.rows > 0.
  virtual absl::Status Prepare(Batch batch, Parameters* keys) = 0;
  // `rows`: the keys of Prepare with their values, in the memory that came with them. Returns
  // before the step is done, if it can.
  virtual absl::Status Begin(Parameters rows) = 0;
  // Waits for the step: its mean loss, and the mean gradient for the rows of Begin.
  virtual absl::StatusOr<double> Finish(Parameters* gradients) = 0;
  // Forgets all batches in flight; waits for steps that have begun.
  virtual absl::Status Clear() = 0;
};

// On the CPU: a step is done at Finish. `model` outlives the pipeline.
std::unique_ptr<Pipeline> MakePipeline(Model* model);

}  // namespace rubato
