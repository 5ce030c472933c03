// Whether numbers are numbers.
#pragma once

#include <cstddef>
#include <span>

namespace rubato {

// False if there is a NaN or an infinity.
bool AllFinite(std::span<const float> values);
// The same of the upper halves of floats, at any address.
bool AllFiniteBf16(std::span<const std::byte> values);

}  // namespace rubato
