// Where an endpoint listens and connects.
//
//   ipc:///PATH          a Unix socket
//   tcp://HOST:PORT      HOST: an IPv4 address, an IPv6 address in brackets, or a name; to listen
//                        also an interface (eth0), or * for all of them. PORT: a number; to listen
//                        also 0 for any free one, or 7000-7100 for the first that is free there.
//
// What other hosts can reach needs keys; "local" is what they cannot: ipc and loopback.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rubato {

enum class Protection : uint8_t { kNone, kKeys };

// InvalidArgument for what is malformed, or can be reached from other hosts without protection.
absl::Status CheckListen(const std::string& address, Protection protection);
absl::Status CheckConnect(const std::string& address, Protection protection);

bool IsLocal(const std::string& address);
// Whether its host is written as an IPv6 address.
bool IsIpv6(const std::string& address);
// Its host, where that is a name, which may be one of an interface; else "".
std::string NameIn(const std::string& address);
// `address`, which is tcp, at another host, as it is written without brackets.
std::string WithHost(const std::string& address, const std::string& host);

// What to try in turn, to listen: the addresses of each port.
std::vector<std::string> EachPort(const std::string& address);

// What others are told to connect to, of who listens at `listening`. `advertise`: "", an address,
// or a host; that, and an address with port 0, gets the port of `listening`. InvalidArgument:
// others could not connect to it.
absl::StatusOr<std::string> AdvertisedAddress(const std::string& listening,
                                              const std::string& advertise);

// Where the `index`-th of several endpoints goes that one address stands for: a tcp port counts up
// from that of the first, but for port 0 and a range. What is malformed stays so.
std::string AddressBeside(const std::string& address, uint32_t index);

}  // namespace rubato
