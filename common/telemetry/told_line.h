// What a line of events says of itself, for who hands on lines of others. A line that could be
// taken for another process's, or for no event at all, is refused.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace rubato {

struct ToldLine {
  std::string process;  // "worker-0"
  std::string event;    // kEvent of its struct
};

// InvalidArgument: `line` is not one JSON object whose first fields are time_ms, process and event,
// none of them twice.
absl::StatusOr<ToldLine> ReadToldLine(const std::string& line);

}  // namespace rubato
