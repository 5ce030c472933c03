// What a command line says over the run file.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace rubato {

// One `--set key=value`: value is TOML, or a bare word taken as a string.
struct Override {
  std::string key;
  std::string value;
};

// "key=value", as typed after --set.
absl::StatusOr<Override> ParseOverride(const std::string& text);

}  // namespace rubato
