// Where an endpoint may listen or connect: "ipc:///PATH" or "tcp://127.0.0.1:PORT", port 0 = any.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace rubato {

// InvalidArgument for what is malformed or not of this host: peers are not authenticated yet.
absl::Status CheckAddress(const std::string& address);

}  // namespace rubato
