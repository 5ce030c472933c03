// Clipping of gradients by their norm: one step never goes further than it may.
#pragma once

#include "worker/spec/parameters.h"

namespace rubato {

// The Euclidean norm over all rows of all tables, as one vector (in double).
double NormOf(const Parameters& gradients);

// Scales `gradients` down to norm `most` if theirs is larger, and says whether it was. A norm that
// is no finite number is left for whoever refuses such gradients. (Pascanu, Mikolov, Bengio, "On
// the difficulty of training recurrent neural networks", 2013, algorithm 1.)
bool ClipToNorm(double most, Parameters* gradients);

}  // namespace rubato
