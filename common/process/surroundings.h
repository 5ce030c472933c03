// What this process was started in. The one place that reads the environment: everybody else is
// handed it.
#pragma once

#include "common/start/start.h"

namespace rubato {

// The environment of this process, and the name of its host.
Surroundings OwnSurroundings();
// Of a process whose command line says all: nothing is set.
Surroundings NoSurroundings();

}  // namespace rubato
