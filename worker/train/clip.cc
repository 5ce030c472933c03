#include "worker/train/clip.h"

#include <cmath>

namespace rubato {

double NormOf(const Parameters& gradients) {
  double squares = 0.0;
  for (const ParameterRows& rows : gradients) {
    for (const float value : rows.values) squares += double{value} * double{value};
  }
  return std::sqrt(squares);
}

bool ClipToNorm(double most, Parameters* gradients) {
  const double norm = NormOf(*gradients);
  if (!std::isfinite(norm) || norm <= most) return false;
  const auto scale = static_cast<float>(most / norm);
  for (ParameterRows& rows : *gradients) {
    for (float& value : rows.values) value *= scale;
  }
  return true;
}

}  // namespace rubato
