#include "worker/compute/model.h"

#include "common/base/status.h"
#include "worker/compute/blas.h"
#include "worker/compute/cpu/logistic.h"
#include "worker/compute/cpu/mlp.h"

namespace rubato {

absl::StatusOr<std::unique_ptr<Model>> MakeModel(const RunConfig& config,
                                                 const DatasetShape& shape) {
  RETURN_IF_ERROR(StartBlas());
  if (config.model.kind == "logistic") return MakeLogistic(config, shape);
  for (const char* kind : {"mlp", "wide_deep", "deepfm"}) {
    if (config.model.kind == kind) return MakeMlp(config, shape);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("model.kind is not one of \"logistic\", \"mlp\", \"wide_deep\", \"deepfm\": \"",
                   config.model.kind, "\""));
}

}  // namespace rubato
