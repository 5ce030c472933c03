// Whether numbers are numbers.
#pragma once

#include <span>

namespace rubato {

// False if there is a NaN or an infinity.
bool AllFinite(std::span<const float> values);

}  // namespace rubato
