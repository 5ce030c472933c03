// What this process was started in. The one place that reads the environment: everybody else is
// handed it.
#pragma once

#include "common/start/start.h"

namespace rubato {

// The environment of this process, and the name of its host.
Surroundings OwnSurroundings();
// The service manager has given its socket and its watchdog to this process, and not to those that
// this one may start. To be called before there are other threads.
void ForgetManager();
// Of a process whose command line says all: nothing is set.
Surroundings NoSurroundings();

}  // namespace rubato
