// Loss of one row of weight 1, and its slope by the margin z, for the CPU
// (worker/compute/cpu/mean_loss.h) and for kernels (worker/compute/cuda/kernels/losses.h): a loss
// is a type, and these are its formulas. What is not a number comes out as not a number, so that
// training that diverged is seen. Least(label) is the smallest loss that a row of this label can
// have.
//
//   logistic  loss = -log p(label), where p = 1 / (1 + exp(-z))
//   poisson   loss = rate - label z, where rate = exp(z) and z holds the logarithm of the exposure:
//             the negative log likelihood (McCullagh and Nelder 1989, chapter 6) without
//             log(label!), which no weight changes
//   gamma     loss = label / mean + z, where mean = exp(z): twice that, less what no weight
//   changes,
//             is the deviance of the Gamma distribution (the same, chapter 8)
//   tweedie   loss = mean^(2 - p) / (2 - p) - label mean^(1 - p) / (1 - p), where mean = exp(z) and
//             1 < p < 2: half the deviance of a sum of Gamma amounts, Poisson many (Jorgensen 1987)
//   squares   u = (label - center) / scale - z;  loss = u^2 / 2
//   huber     the same up to |u| = delta, from there on the tangent: delta |u| - delta^2 / 2
//             (Huber 1964)
//   pinball   u = label - z;  loss = tau u above the margin, (tau - 1) u below it: smallest where
//             z is the tau quantile of the label (Koenker and Bassett 1978)
#pragma once

#include <cmath>
#include <cstdint>

#include "worker/spec/host_device.h"

namespace rubato {

struct LossSlope {
  float loss;
  float slope;
};

// What a row's slopes are multiplied by in the mean over the rows of a batch.
struct RowScale {
  float weight;
  float mean;  // 1 / rows
  RUBATO_HOST_DEVICE float operator()(float slope) const { return weight * slope * mean; }
};

// 1 / (1 + exp(-margin)) without overflow; decay is exp(-|margin|), in (0, 1].
RUBATO_HOST_DEVICE inline float ProbabilityFrom(float margin, float decay) {
  return (margin >= 0.0F ? 1.0F : decay) / (1.0F + decay);
}

RUBATO_HOST_DEVICE inline float ProbabilityOf(float margin) {
  return ProbabilityFrom(margin, std::exp(-std::fabs(margin)));
}

// In terms of the margin (as in scikit-learn and PyTorch's BCEWithLogits):
// loss = max(z, 0) - z y + log(1 + exp(-|z|)), slope = p - y.
struct LogisticLoss {
  static double Least(double) { return 0.0; }
  RUBATO_HOST_DEVICE LossSlope operator()(float margin, float label) const {
    const float decay = std::exp(-std::fabs(margin));
    const float above = margin < 0.0F ? 0.0F : margin;
    return {above - margin * label + std::log1p(decay), ProbabilityFrom(margin, decay) - label};
  }
};

// exp(exponent), and from kMost on the tangent there: for margins that have run away. The square of
// `value`, which adaptive update rules take of a slope, is still a finite float.
struct BoundedExp {
  static constexpr float kMost = 40.0F;
  float value;  // the slope
  float total;
  RUBATO_HOST_DEVICE static BoundedExp Of(float exponent) {
    const float beyond = exponent > kMost ? exponent - kMost : 0.0F;
    const float value = std::exp(exponent - beyond);
    return {value, value + value * beyond};
  }
};

// What a margin is the logarithm of, as it is predicted; not a number stays so.
RUBATO_HOST_DEVICE inline float ExpOf(float margin) {
  return std::exp(margin > BoundedExp::kMost ? BoundedExp::kMost : margin);
}

struct PoissonLoss {
  static double Least(double label) { return label > 0.0 ? label - label * std::log(label) : 0.0; }
  RUBATO_HOST_DEVICE LossSlope operator()(float log_rate, float label) const {
    const BoundedExp rate = BoundedExp::Of(log_rate);
    return {rate.total - label * log_rate, rate.value - label};
  }
};

struct GammaLoss {
  static double Least(double label) { return 1.0 + std::log(label); }
  RUBATO_HOST_DEVICE LossSlope operator()(float log_mean, float label) const {
    const BoundedExp inverse = BoundedExp::Of(-log_mean);
    return {label * inverse.total + log_mean, 1.0F - label * inverse.value};
  }
};

struct TweedieLoss {
  float power = 1.5F;  // p

  double Least(double label) const {
    const auto p = static_cast<double>(power);
    return std::pow(label, 2.0 - p) * (1.0 / (2.0 - p) + 1.0 / (p - 1.0));
  }
  RUBATO_HOST_DEVICE LossSlope operator()(float log_mean, float label) const {
    const BoundedExp variance_part = BoundedExp::Of((1.0F - power) * log_mean);
    const BoundedExp mean_part = BoundedExp::Of((2.0F - power) * log_mean);
    return {mean_part.total / (2.0F - power) + label * variance_part.total / (power - 1.0F),
            mean_part.value - label * variance_part.value};
  }
};

// A margin of 0 is `center`, and 1 is `scale` above it: so a label may be of any size.
struct SquaredLoss {
  float center = 0.0F;
  float scale = 1.0F;  // > 0
  float delta = 0.0F;  // of Huber's loss; 0: squares all the way

  static double Least(double) { return 0.0; }
  RUBATO_HOST_DEVICE LossSlope operator()(float margin, float label) const {
    const float u = (label - center) / scale - margin;
    const float beyond = std::fabs(u) - delta;
    if (delta == 0.0F || !(beyond > 0.0F)) return {0.5F * u * u, -u};
    return {delta * (beyond + 0.5F * delta), u > 0.0F ? -delta : delta};
  }
};

// At u = 0 every slope in [-tau, 1 - tau] is one; it is 0 here: a row that is met asks for nothing.
struct PinballLoss {
  float tau;  // in (0, 1)

  static double Least(double) { return 0.0; }
  RUBATO_HOST_DEVICE LossSlope operator()(float margin, float label) const {
    const float u = label - margin;
    if (u > 0.0F) return {tau * u, -tau};
    if (u < 0.0F) return {(tau - 1.0F) * u, 1.0F - tau};
    return {u, u};  // zeros, or not a number
  }
};

// Whether a label is the number of one of `classes` classes.
RUBATO_HOST_DEVICE inline bool IsClass(float label, uint32_t classes) {
  return label >= 0.0F && label < static_cast<float>(classes) && std::floor(label) == label;
}

}  // namespace rubato
