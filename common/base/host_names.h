// What this host knows of names of hosts, and of its own addresses. An answer takes as long as the
// system's resolver does: with DNS that may be seconds.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace rubato {

// Addresses as numbers ("10.0.0.5", "2001:db8::7"), each once, IPv4 first; never empty. NotFound:
// nobody knows the name; Unavailable: who might know did not answer. Both with the system's words.
absl::StatusOr<std::vector<std::string>> ResolveHost(const std::string& name);

// `address`: as of ResolveHost.
bool IsOwnAddress(const std::string& address);
bool IsInterface(const std::string& name);

}  // namespace rubato
