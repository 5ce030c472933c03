// Makes a failing history small: fewer kinds of faults, fewer faults, smaller sizes, as long as it
// breaks the same invariant.
#pragma once

#include <functional>
#include <string>

#include "tests/sim/config.h"

namespace rubato::sim {

// The invariant that a history breaks, "" for none. It must not die of what the history does.
using Breaks = std::function<std::string(const Config&)>;

// `config` breaks `invariant`, and so does what comes back. Costs at most `runs` histories.
Config Minimise(const Config& config, const std::string& invariant, int runs, const Breaks& breaks);

}  // namespace rubato::sim
