// The parts of reading a run file that know no TOML: rules over several keys, paths.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/environment.h"
#include "worker/run_file/bad_key.h"
#include "worker/run_file/run_config.h"

namespace rubato {

// Rules over several keys: each error has a place and a remedy.
absl::Status CheckRunConfig(const RunConfig& config, const KeyLocator& locate);

// `text` with ${NAME} expanded; absolute, starting at the folder of `run_file` when relative.
// "" stays "". InvalidArgument names the variable that is not set.
absl::StatusOr<std::string> ResolvePath(const std::string& text, const std::string& run_file,
                                        const Environment& environment);

}  // namespace rubato
