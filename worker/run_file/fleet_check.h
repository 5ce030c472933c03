// Whether the [fleet] section of a run file can be meant.
#pragma once

#include "absl/status/status.h"
#include "worker/run_file/bad_key.h"
#include "worker/run_file/run_config.h"

namespace rubato {

// InvalidArgument names the key and its place.
absl::Status CheckFleet(const FleetConfig& fleet, const KeyLocator& locate);

}  // namespace rubato
