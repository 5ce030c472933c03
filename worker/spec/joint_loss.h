// Losses of rows with several margins, for the CPU (worker/compute/cpu/mean_loss.h) and for kernels
// (worker/compute/cuda/kernels/losses.h): each is a type that says how many there are, and what a
// row loses, with its slopes. What is not a number comes out as not a number.
//
// SoftmaxLoss, of a label that is the number of a class, with a margin a class: -log p(label),
// where p(c) = exp(z[c]) / sum over classes of exp(z) (multinomial logit, McFadden 1974). With the
// row's largest margin m taken out, nothing overflows:
//   loss = m - z[label] + log(sum of exp(z - m)),   slope by z[c] = p(c) - [c is the label]
//
// QuantileLoss, of quantiles of a label and of the mean below each of them (expected shortfall): a
// margin a level, and, with shortfalls, another one a level behind them. Margins are not quantiles
// yet, so that these never cross. Everything is measured in deviations from the training labels'
// quantile at the anchor, the level nearest to the middle:
//   q[anchor] = z[anchor]
//   q[k] = q[k - 1] + gap[k] s(z[k]) above it, q[k + 1] - gap[k] s(z[k]) below it
//   e[k] = q[k] - depth[k] s(z[levels + k]),   s(z) = log(1 + (e - 1) exp(z)) > 0, s(0) = 1
// With margins of 0 a row has the quantiles and shortfalls of all training labels, whose distances
// `gap` and `depth` are.
//
// The loss of a level, tau, is one of the class that quantile and shortfall together make smallest
// (Fissler and Ziegel 2016, theorem 5.2; of Patton, Ziegel and Chen 2019 the general form, whose
// own choice needs shortfalls below 0), with G1(v) = v and G2(e) = tau / (1 + exp(-e)), as Fissler,
// Ziegel and Gneiting 2016 propose: it holds for numbers of either sign.
//   pinball(q, y) + G2(e) (e - q + max(q - y, 0) / tau) - tau log(1 + exp(e))
// Without shortfalls it is the pinball loss (row_loss.h). A row loses the mean over the levels.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "worker/run_file/run_config.h"
#include "worker/spec/host_device.h"
#include "worker/spec/row_loss.h"

namespace rubato {

struct SoftmaxLoss {
  uint32_t classes = 0;  // below 2^24, as all whole floats are exact there

  RUBATO_HOST_DEVICE uint32_t outputs() const { return classes; }
  static double Least(double) { return 0.0; }
  // The loss of a row of weight 1; d_margin[outputs()] gets its slopes, each through `scaled`. Not
  // a number where the label is no class.
  RUBATO_HOST_DEVICE float operator()(const float* margin, float label, RowScale scaled,
                                      float* d_margin) const {
    float largest = margin[0];
    for (uint32_t c = 1; c < classes; ++c) largest = margin[c] > largest ? margin[c] : largest;
    float sum = 0.0F;
    for (uint32_t c = 0; c < classes; ++c) sum += std::exp(margin[c] - largest);
    const float hit = IsClass(label, classes) ? margin[static_cast<uint32_t>(label)] : NAN;
    const float loss = largest - hit + std::log(sum);
    const float check = loss - loss;  // 0, or not a number if the loss is not one
    for (uint32_t c = 0; c < classes; ++c) {
      const float right = static_cast<float>(c) == label ? 1.0F : 0.0F;
      d_margin[c] = scaled(std::exp(margin[c] - largest) / sum - right + check);
    }
    return loss;
  }
};

// log(1 + exp(z)) without overflow.
RUBATO_HOST_DEVICE inline float SoftplusOf(float z) {
  return (z > 0.0F ? z : 0.0F) + std::log1p(std::exp(-std::fabs(z)));
}

// A distance that is above 0 whatever its margin, and 1 where that is 0.
struct Distance {
  static constexpr float kShift = 0.54132485F;  // log(e - 1)
  RUBATO_HOST_DEVICE static float Of(float z) { return SoftplusOf(z + kShift); }
  RUBATO_HOST_DEVICE static float Slope(float z) { return ProbabilityOf(z + kShift); }
};

struct QuantileLoss {
  uint32_t levels = 0;
  uint32_t anchor = 0;
  bool shortfall = false;
  float level[kMaxQuantiles] = {};  // ascending, in (0, 1)
  float center = 0.0F;              // of labels: what is 0 in deviations
  float scale = 1.0F;               // > 0, a deviation
  float gap[kMaxQuantiles] = {};    // > 0, in deviations
  float depth[kMaxQuantiles] = {};

  RUBATO_HOST_DEVICE uint32_t outputs() const { return shortfall ? 2 * levels : levels; }

  // q, and e behind them, of the row's margins, in deviations. [outputs()]
  RUBATO_HOST_DEVICE void Place(const float* margin, float* place) const {
    place[anchor] = margin[anchor];
    for (uint32_t k = anchor + 1; k < levels; ++k) {
      place[k] = place[k - 1] + gap[k] * Distance::Of(margin[k]);
    }
    for (uint32_t k = anchor; k-- > 0;) {
      place[k] = place[k + 1] - gap[k] * Distance::Of(margin[k]);
    }
    for (uint32_t k = levels; k < outputs(); ++k) {
      place[k] = place[k - levels] - depth[k - levels] * Distance::Of(margin[k]);
    }
  }

  // The loss of a row of weight 1; d_margin[outputs()] gets its slopes, each through `scaled`.
  RUBATO_HOST_DEVICE float operator()(const float* margin, float label, RowScale scaled,
                                      float* d_margin) const {
    Place(margin, d_margin);
    const float y = (label - center) / scale;
    const float share = 1.0F / static_cast<float>(levels);
    float loss = 0.0F;
    for (uint32_t k = 0; k < levels; ++k) loss += share * LevelLoss(k, y, share, d_margin);
    TakeBack(margin, d_margin);
    for (uint32_t k = 0; k < outputs(); ++k) d_margin[k] = scaled(d_margin[k]);
    return loss;
  }

  // The smallest loss that a row of this label can have: all its quantiles and shortfalls are it.
  double Least(double label) const {
    if (!shortfall) return 0.0;
    const double y = (label - static_cast<double>(center)) / static_cast<double>(scale);
    double sum = 0.0;
    for (uint32_t k = 0; k < levels; ++k) sum += static_cast<double>(level[k]);
    const double softplus = std::max(y, 0.0) + std::log1p(std::exp(-std::abs(y)));
    return -sum / static_cast<double>(levels) * softplus;
  }

 private:
  // The loss of level k at the places at[k] and at[levels + k], which become `share` of its slopes
  // by them.
  RUBATO_HOST_DEVICE float LevelLoss(uint32_t k, float y, float share, float* at) const {
    const float q = at[k];
    const LossSlope pinball = PinballLoss{level[k]}(q, y);
    at[k] = share * pinball.slope;
    if (!shortfall) return pinball.loss;
    const float e = at[levels + k];
    const float g = ProbabilityOf(e);
    // tau (e - q + max(q - y, 0) / tau)
    const float over = level[k] * (e - q) + (q > y ? q - y : 0.0F);
    at[k] *= 1.0F + g;
    at[levels + k] = share * g * (1.0F - g) * over;
    return pinball.loss + g * over - level[k] * SoftplusOf(e);
  }

  // From slopes by the places to slopes by the margins, in `slope`.
  RUBATO_HOST_DEVICE void TakeBack(const float* margin, float* slope) const {
    for (uint32_t k = levels; k < outputs(); ++k) {
      slope[k - levels] += slope[k];
      slope[k] *= -depth[k - levels] * Distance::Slope(margin[k]);
    }
    float above = 0.0F;
    for (uint32_t k = levels - 1; k > anchor; --k) {
      above += slope[k];
      slope[k] = above * gap[k] * Distance::Slope(margin[k]);
    }
    float below = 0.0F;
    for (uint32_t k = 0; k < anchor; ++k) {
      below += slope[k];
      slope[k] = -below * gap[k] * Distance::Slope(margin[k]);
    }
    slope[anchor] += above + below;
  }
};

// The loss of a row of weight 1, by one of these or of row_loss.h; slope[outputs] gets its slopes,
// each through `scaled`.
template <class Loss>
float RowLoss(const Loss& loss, const float* margin, float label, RowScale scaled, float* slope) {
  if constexpr (requires { loss.outputs(); }) {
    return loss(margin, label, scaled, slope);
  } else {
    const LossSlope row = loss(*margin, label);
    *slope = scaled(row.slope);
    return row.loss;
  }
}

}  // namespace rubato
