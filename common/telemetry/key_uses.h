// What a listener tells of the keys that were used with it.
#pragma once

#include "common/keys/key_use.h"
#include "common/telemetry/telemetry.h"

namespace rubato {

// A KeyUseEvent for each key; nothing where there are none. `events` may be null.
void TellKeyUses(const KeyUses& uses, EventLog* events);

}  // namespace rubato
