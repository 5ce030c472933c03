// Fresh memory of many floats, which the system would clear 4 KiB by 4 KiB as it is written.
#pragma once

#include "common/memory/floats.h"

namespace rubato {

// To be called when `values` has got its size, before it is written: asks for huge pages where its
// memory is of the heap, and so large that malloc takes it anew from the system each time. Advice:
// where there are none nothing changes.
void PreferHugePages(Floats* values);

}  // namespace rubato
