// Rules over the keys of the run file that say where rows come from, what their columns are and how
// they are split.
#pragma once

#include "absl/status/status.h"
#include "worker/run_file/bad_key.h"
#include "worker/run_file/run_config.h"

namespace rubato {

// Part of CheckRunConfig.
absl::Status CheckData(const RunConfig& config, const KeyLocator& locate);

}  // namespace rubato
