// What ZeroMQ alone can do between two processes of this host: the limit of everything that travels
// over it.
#pragma once

#include <cstddef>
#include <vector>

#include "bench/streams.h"
#include "common/base/env.h"

namespace rubato {

// A PUSH and a PULL socket, one frame a message, sent without a copy, received and dropped. From
// the first message to the last; shape.window is not used.
Duration RawZeroMqTime(Transport transport, const StreamShape& shape);

// Of a message of `bytes` and its echo between two PAIR sockets, one at a time.
std::vector<Duration> RawRoundTrips(Transport transport, size_t bytes, size_t count);

}  // namespace rubato
