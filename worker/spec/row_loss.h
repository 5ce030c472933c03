// Loss of one row of weight 1, and its slope by the margin z, for the CPU
// (worker/compute/cpu/mean_loss.h) and for kernels (worker/compute/cuda/kernels/losses.h): a loss
// is a type, and these are its formulas. What is not a number comes out as not a number, so that
// training that diverged is seen.
//
//   logistic  loss = -log p(label), where p = 1 / (1 + exp(-z))
//   poisson   loss = rate - label z, where rate = exp(z) and z holds the logarithm of the exposure:
//             the negative log likelihood (McCullagh and Nelder 1989, chapter 6) without
//             log(label!), which no weight changes
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
  RUBATO_HOST_DEVICE LossSlope operator()(float margin, float label) const {
    const float decay = std::exp(-std::fabs(margin));
    const float above = margin < 0.0F ? 0.0F : margin;
    return {above - margin * label + std::log1p(decay), ProbabilityFrom(margin, decay) - label};
  }
};

struct PoissonLoss {
  // The largest margin whose rate is exp(margin): the square of that rate, which adaptive update
  // rules take, is still a finite float. Above it the loss goes on as a straight line.
  static constexpr float kMaxLogRate = 40.0F;

  RUBATO_HOST_DEVICE LossSlope operator()(float log_rate, float label) const {
    const float excess = log_rate > kMaxLogRate ? log_rate - kMaxLogRate : 0.0F;
    const float rate = std::exp(log_rate - excess);
    return {rate + rate * excess - label * log_rate, rate - label};
  }
};

// At u = 0 every slope in [-tau, 1 - tau] is one; it is 0 here: a row that is met asks for nothing.
struct PinballLoss {
  float tau;  // in (0, 1)

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
