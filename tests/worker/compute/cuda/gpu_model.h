// What a run file asks of a GPU, over data of a shape.
#pragma once

#include "common/base/status.h"
#include "worker/compute/backend.h"
#include "worker/run_file/run_config.h"

namespace rubato {

inline GpuModel GpuModelOf(const RunConfig& config, const DatasetShape& shape,
                           const Prior& prior = {}) {
  const auto spec = MakeModelSpec(config, shape, prior);
  CHECK(spec.ok(), std::string(spec.status().message()));
  return {.spec = *spec,
          .precision = *ParsePrecision(config.train.precision),
          .seed = static_cast<uint64_t>(config.train.seed)};
}

}  // namespace rubato
