// The level of a category that a field is: equal values are one level, however a file writes them.
//
// A number is known by its value ("3.0", "+3" and "30e-1" are the level "3"), unless leading zeros
// or a bare E make it a code ("01" is not "1", "0E3" not "0") or it has more digits than a double
// tells apart. Words are known to the letter: "TRUE" is not "True".
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "worker/data/text/field.h"

namespace rubato {

// The level of a trimmed field; a view of `field`, or of `memory`, which must outlive it.
absl::string_view LevelOf(absl::string_view field, DecimalComma comma, std::string* memory);
// Stands for a level whose text is not kept; never changes, as it is saved with a run.
uint64_t LevelHash(absl::string_view level);

}  // namespace rubato
