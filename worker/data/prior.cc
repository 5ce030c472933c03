#include "worker/data/prior.h"

#include <cmath>

namespace rubato {

double Prior::BaseMargin() const {
  return std::log(weights[1] * positive_rate) - std::log(weights[0] * (1.0 - positive_rate));
}

double Prior::GradientVariance() const {
  const double positives = weights[1] * positive_rate;
  const double negatives = weights[0] * (1.0 - positive_rate);
  const double probability = positives / (positives + negatives);
  const double of_positives = weights[1] * positives * (1.0 - probability) * (1.0 - probability);
  return of_positives + weights[0] * negatives * probability * probability;
}

double Prior::Shift() const { return corrected ? std::log(weights[0] / weights[1]) : 0.0; }

double Prior::ConstantLoss() const {
  const double positives = weights[1] * positive_rate;
  const double negatives = weights[0] * (1.0 - positive_rate);
  const double all = positives + negatives;
  return -(positives * std::log(positives / all) + negatives * std::log(negatives / all));
}

}  // namespace rubato
