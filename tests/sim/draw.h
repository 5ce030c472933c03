// Draws the histories: one seed, one Config.
#pragma once

#include <cstdint>
#include <string>

#include "tests/sim/config.h"

namespace rubato::sim {

// `mutation` biases the draw towards the situation in which that mistake bites, "" for none.
// Otherwise half the seeds mix all kinds of faults; of the others some toss a coin for each kind,
// some have one kind alone at a high rate, and some one alone at a low rate that never ends: what
// one kind of fault hides, or what it alone would show, is found so (swarm testing, Groce et al.
// 2012).
Config DrawConfig(uint64_t seed, const std::string& mutation);

}  // namespace rubato::sim
