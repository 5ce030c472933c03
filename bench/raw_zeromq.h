// What ZeroMQ alone can do between two processes of this host: the limit of everything that travels
// over it. A PUSH and a PULL socket, one frame a message, sent without a copy, received and
// dropped.
#pragma once

#include "bench/streams.h"
#include "common/base/env.h"

namespace rubato {

// From the first message to the last; shape.window is not used.
Duration RawZeroMqTime(Transport transport, const StreamShape& shape);

}  // namespace rubato
