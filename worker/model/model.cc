#include "worker/model/model.h"

#include "common/status.h"
#include "worker/compute/blas.h"
#include "worker/model/logistic.h"

namespace rubato {

absl::StatusOr<std::unique_ptr<Model>> MakeModel(const RunConfig& config,
                                                 const DatasetShape& shape) {
  UseOneBlasThread();
  if (config.model.kind == "logistic") return MakeLogistic(config, shape);
  return absl::InvalidArgumentError(
      absl::StrCat("model.kind is not one of \"logistic\": \"", config.model.kind, "\""));
}

}  // namespace rubato
