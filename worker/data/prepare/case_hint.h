// Levels of a category that differ only by the case of their letters: each is a level of its own
// for the model, and often one thing for a person.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "worker/data/prepare/column_plan.h"

namespace rubato {

// A warning ("case") for column `name` with `levels`; nullopt when no two of them differ so.
std::optional<Warning> HintAtCase(const std::string& name, const std::vector<std::string>& levels);

}  // namespace rubato
