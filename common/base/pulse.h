// What a loop tells whoever watches over its process (systemd's watchdog): that it still comes
// round, and how far it is.
#pragma once

#include <functional>

#include "common/base/ids.h"

namespace rubato {

// Called by the loop's own thread, each time that it comes round and no less often than every few
// seconds; with the clock that it has reached. Empty: nobody watches.
using Pulse = std::function<void(Clock reached)>;

}  // namespace rubato
