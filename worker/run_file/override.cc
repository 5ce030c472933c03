#include "worker/run_file/override.h"

#include "absl/strings/str_format.h"

namespace rubato {

absl::StatusOr<Override> ParseOverride(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return absl::InvalidArgumentError(
        absl::StrFormat("--set %s: must be key=value, as in --set train.staleness=8", text));
  }
  return Override{text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace rubato
