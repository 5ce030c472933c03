// The model that a run file names, over data of a shape, on the CPU.
#pragma once

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "common/base/status.h"
#include "worker/compute/cpu/network_on_cpu.h"
#include "worker/spec/model_spec.h"

namespace rubato {

inline absl::StatusOr<std::unique_ptr<Model>> MakeModel(const RunConfig& config,
                                                        const DatasetShape& shape,
                                                        const Prior& prior = {}) {
  ASSIGN_OR_RETURN(ModelSpec spec, MakeModelSpec(config, shape, prior));
  return MakeNetworkOnCpu(std::move(spec));
}

}  // namespace rubato
