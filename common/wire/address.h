// Where an endpoint may listen or connect: "ipc:///PATH" or "tcp://127.0.0.1:PORT", port 0 = any.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace rubato {

// InvalidArgument for what is malformed or not of this host: peers are not authenticated yet.
absl::Status CheckAddress(const std::string& address);
// The same for one that others are told to connect to: it has a port.
absl::Status CheckAdvertised(const std::string& address);

// Where the `index`-th of several endpoints goes that one address stands for: a tcp port counts up
// from that of the first, but for port 0. What is malformed stays so.
std::string AddressBeside(const std::string& address, uint32_t index);

}  // namespace rubato
