#include "worker/data/encode/prior.h"

#include <cmath>

namespace rubato {

double Prior::BaseMargin() const {
  return std::log(weights[1] * positive_rate) - std::log(weights[0] * (1.0 - positive_rate));
}

double Prior::OneSidedGradient() const {
  const double odds = std::exp(BaseMargin());
  const double of_positive = weights[1] / (1.0 + odds);
  const double of_negative = weights[0] * odds / (1.0 + odds);
  // Their mean is 0, and so their variance is the product.
  const double deviation = std::sqrt(of_positive * of_negative);
  return deviation * std::abs(of_positive - of_negative) / (of_positive + of_negative);
}

double Prior::Shift() const { return corrected ? std::log(weights[0] / weights[1]) : 0.0; }

double Prior::ConstantLoss() const {
  const double positives = weights[1] * positive_rate;
  const double negatives = weights[0] * (1.0 - positive_rate);
  const double all = positives + negatives;
  return -(positives * std::log(positives / all) + negatives * std::log(negatives / all));
}

}  // namespace rubato
