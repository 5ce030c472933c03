// The parts of reading a run file that know no TOML: rules over several keys, paths.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/run_file/bad_key.h"
#include "worker/run_file/run_config.h"

namespace rubato {

// Value of an environment variable, nullopt if unset: handed in by main, for ${NAME} in paths.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// Rules over several keys: each error has a place and a remedy.
absl::Status CheckRunConfig(const RunConfig& config, const KeyLocator& locate);

// `text` with ${NAME} expanded; absolute, starting at the folder of `run_file` when relative.
// "" stays "". InvalidArgument names the variable that is not set.
absl::StatusOr<std::string> ResolvePath(const std::string& text, const std::string& run_file,
                                        const Environment& environment);

}  // namespace rubato
