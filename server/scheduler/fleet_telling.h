// What a scheduler has to say of its fleet: to the launcher as events, to people as lines of its
// log.
#pragma once

#include "common/telemetry/telemetry.h"
#include "common/wire/message.h"
#include "server/scheduler/scheduler.h"

namespace rubato {

// `view`: that of the scheduler when it said so.
void TellEvent(const SchedulerEvent& event, const View& view, EventLog* events);

}  // namespace rubato
