// A resolved configuration as text, and what of it may change when a run is resumed.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "worker/run_file/run_config.h"

namespace rubato {

// Whether a run begun with `before` may be resumed with `now`: else InvalidArgument names the keys
// that changed and may not (its sentence lists those that may).
absl::Status CheckResumable(const RunConfig& before, const RunConfig& now);
// The resolved configuration as JSON (what the launcher reads) and as TOML (kept in the run folder;
// loading it gives the same RunConfig).
std::string FormatRunConfigJson(const RunConfig& config);
std::string FormatRunConfigToml(const RunConfig& config);

}  // namespace rubato
