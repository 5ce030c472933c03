// Which mistake of common/base/mutation.h is made, as the simulator's own code asks for it.
#pragma once

#include "common/base/mutation.h"

namespace rubato {

inline bool Makes(Mutation mistake) { return active_mutation == mistake; }

}  // namespace rubato
