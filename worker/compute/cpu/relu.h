// Rectifier: y = max(x, 0), in place. Its slope at 0 is taken as 0.
#pragma once

#include <span>

namespace rubato {

void ReluForward(std::span<float> x);

// dy *= (y > 0), y being the forward pass's output; same size.
void ReluBackward(std::span<const float> y, std::span<float> dy);

}  // namespace rubato
