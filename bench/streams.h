// One-way streams between two processes of this host: how fast bytes can travel at all (a plain
// socket), and how fast they travel as messages (an Endpoint on each side, encoded, decoded,
// acknowledged). The second over the first is what the transport costs.
//
// The sender is a child process, the receiver this one. Seconds are counted from the first message
// to the last. A bench that cannot run (no sockets, no fork) ends with a CHECK that says why.
#pragma once

#include <cstddef>
#include <vector>

#include "common/base/env.h"

namespace rubato {

enum class Transport { kIpc, kTcp };

struct StreamShape {
  size_t message_bytes = 1u << 20;
  size_t messages = 2048;
  size_t window = 16;  // messages sent and not yet acknowledged (Endpoint only)
  bool keys = false;   // encrypted and authenticated (Endpoint only)
};

// Plain AF_UNIX or TCP stream socket, written and read in pieces of message_bytes.
Duration PlainSocketTime(Transport transport, const StreamShape& shape);

// Push messages over DEALER and ROUTER, each acknowledged.
Duration EndpointTime(Transport transport, const StreamShape& shape);

// Round trips of a small push and its Ack, one at a time.
std::vector<Duration> EndpointRoundTrips(Transport transport, size_t count);

// Copying the same bytes inside one process, in pieces of message_bytes.
Duration MemcpyTime(const StreamShape& shape);

}  // namespace rubato
