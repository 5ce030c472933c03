// Where ZeroMQ is told to listen for an address (common/wire/address.h): it knows addresses and
// interfaces, and no names.
//
// A name is listened on at the one address of this host that it means. Where it means loopback, as
// a host's own name often does on that host alone (Debian's 127.0.1.1), or several of its
// addresses, nobody here can tell by which of them others come: then it is all interfaces. What
// others are told is the name.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace rubato {

// What is known of names, as of common/base/host_names.h.
struct NameLookup {
  std::function<absl::StatusOr<std::vector<std::string>>(const std::string&)> resolve;
  std::function<bool(const std::string&)> is_own;
  std::function<bool(const std::string&)> is_interface;
};
NameLookup LookupOfThisHost();

struct Binding {
  std::string address;  // with the ports of what was asked for
  std::string name;     // what others connect to, in place of its host; "": its host
  bool ipv6 = false;
  friend bool operator==(const Binding&, const Binding&) = default;
};

// `address` is one to listen on. InvalidArgument: its name means nothing here, or another host;
// Unavailable: who knows names does not answer.
absl::StatusOr<Binding> BindingOf(const std::string& address, const NameLookup& lookup);

// Whether `address`, to connect to, is reached by IPv6 alone. Asks `lookup` what its name means.
absl::StatusOr<bool> NeedsIpv6(const std::string& address, const NameLookup& lookup);

}  // namespace rubato
