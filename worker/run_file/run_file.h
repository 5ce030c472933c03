// The run file: TOML, the one configuration of a run. Parsed and validated whole, here and nowhere
// else: an unknown key or a bad value is an error with its line and, for a key, the nearest known
// one.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/run_file/override.h"
#include "worker/run_file/run_config.h"
#include "worker/run_file/run_config_check.h"

namespace rubato {

// Reads, overrides, expands and validates. Relative paths are relative to the run file's folder.
// InvalidArgument: "FILE:LINE: ...".
absl::StatusOr<RunConfig> LoadRunConfig(const std::string& path,
                                        const std::vector<Override>& overrides,
                                        const Environment& environment);
// The same of text already read; `path` names it in errors and anchors relative paths.
absl::StatusOr<RunConfig> ParseRunConfig(const std::string& text, const std::string& path,
                                         const std::vector<Override>& overrides,
                                         const Environment& environment);

}  // namespace rubato
