// The losses of worker/spec/row_loss.h and joint_loss.h over batches.
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "common/base/env.h"
#include "gtest/gtest.h"
#include "worker/compute/cpu/mean_loss.h"
#include "worker/spec/joint_loss.h"
#include "worker/spec/target.h"

namespace rubato {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Each row has as many margins as `margin` has for a label.
struct Given {
  const std::vector<float>& margin;
  const std::vector<float>& label;
  const std::vector<float>& weight;
};

template <class Loss>
double MeanLossOf(const Loss& loss, const Given& rows, std::vector<float>& d) {
  const size_t outputs = rows.margin.size() / rows.label.size();
  return MeanLossGradient(
      loss, {{rows.margin.data(), rows.label.size(), outputs}, rows.label, rows.weight},
      {d.data(), rows.label.size(), outputs});
}

// Rows of three classes, to be read as rows or as margins of one row each.
struct Rows {
  explicit Rows(uint64_t seed) {
    Rng rng(seed);
    for (size_t i = 0; i < 5; ++i) {
      label.push_back(static_cast<float>(rng.Below(3)));
      weight.push_back(static_cast<float>(0.5 + rng.Uniform()));
      for (size_t c = 0; c < 3; ++c) margins.push_back(static_cast<float>(rng.Normal()));
    }
    margin.assign(margins.begin(), margins.begin() + 5);
  }
  std::vector<float> margin, label, weight;  // [5]
  std::vector<float> margins;                // [5, 3]
};

// Loss at `margin`, and its slope.
using Loss = std::function<double(const std::vector<float>& margin, std::vector<float>* d_margin)>;

// Central differences with steps of h: their error is h^2 times the third derivative / 6, here
// below 2e-4, and the rounding of a float loss over h, below 2e-5.
void CheckSlopes(std::vector<float> margin, const Loss& loss) {
  constexpr float kStep = 1.0F / 64;
  std::vector<float> slope(margin.size(), kNan);
  std::vector<float> unused(margin.size());
  loss(margin, &slope);
  for (size_t i = 0; i < margin.size(); ++i) {
    const float before = margin[i];
    margin[i] = before + kStep;
    const double above = loss(margin, &unused);
    margin[i] = before - kStep;
    const double below = loss(margin, &unused);
    margin[i] = before;
    EXPECT_NEAR(double{slope[i]}, (above - below) / (2.0 * double{kStep}), 3e-4) << "margin " << i;
  }
}

TEST(Losses, SlopesAreTheDerivatives) {
  for (const uint64_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE(seed);
    const Rows rows(seed);
    const std::vector<float>& weight = rows.weight;
    std::vector<float> binary(rows.label);
    for (float& label : binary) label = label > 0.0F ? 1.0F : 0.0F;
    CheckSlopes(rows.margin, [&](const std::vector<float>& margin, std::vector<float>* d) {
      return MeanLossOf(LogisticLoss{}, {margin, binary, weight}, *d);
    });
    CheckSlopes(rows.margin, [&](const std::vector<float>& margin, std::vector<float>* d) {
      return MeanLossOf(PoissonLoss{}, {margin, rows.label, weight}, *d);
    });
    std::vector<float> positive(rows.label);
    for (float& label : positive) label += 0.5F;
    CheckSlopes(rows.margin, [&](const std::vector<float>& margin, std::vector<float>* d) {
      return MeanLossOf(GammaLoss{}, {margin, positive, weight}, *d);
    });
    for (const float power : {1.1F, 1.5F, 1.9F}) {
      CheckSlopes(rows.margin, [&](const std::vector<float>& margin, std::vector<float>* d) {
        return MeanLossOf(TweedieLoss{power}, {margin, rows.label, weight}, *d);
      });
    }
    for (const float delta : {0.0F, 5.0F, 0.001F}) {
      CheckSlopes(rows.margin, [&](const std::vector<float>& margin, std::vector<float>* d) {
        return MeanLossOf(SquaredLoss{1.0F, 2.0F, delta}, {margin, rows.label, weight}, *d);
      });
    }
    CheckSlopes(rows.margins, [&](const std::vector<float>& margin, std::vector<float>* d) {
      return MeanLossOf(SoftmaxLoss{3}, {margin, rows.label, weight}, *d);
    });
  }
}

TEST(LogisticLoss, HandComputedAndFiniteAtTheEnds) {
  const std::vector<float> margin = {0.0F, 200.0F, -200.0F, 1.0F};
  const std::vector<float> label = {1, 0, 0, 1};
  const std::vector<float> weight = {1, 1, 1, 2};
  std::vector<float> d(4);
  const double loss = MeanLossOf(LogisticLoss{}, {margin, label, weight}, d);
  EXPECT_NEAR(loss, (0.693147181 + 200.0 + 0.0 + 2 * 0.313261688) / 4, 1e-5);
  EXPECT_NEAR(double{d[0]}, -0.5 / 4, 1e-7);
  EXPECT_NEAR(double{d[1]}, 1.0 / 4, 1e-7);
  EXPECT_NEAR(double{d[2]}, 0.0, 1e-7);
  EXPECT_NEAR(double{d[3]}, 2 * (0.731058579 - 1.0) / 4, 1e-7);

  std::vector<float> probability;
  for (const float m : margin) probability.push_back(BinaryTarget::Predict(m));
  EXPECT_EQ(probability[0], 0.5F);
  EXPECT_EQ(probability[1], 1.0F);
  EXPECT_GE(probability[2], 0.0F);
  EXPECT_NEAR(double{probability[3]}, 0.731058579, 1e-7);
}

TEST(PoissonLoss, HandComputedWithExposure) {
  // Rates 2 and 0.5 e: exposures of 2 and 0.5.
  const std::vector<float> margin = {std::log(2.0F), 1.0F + std::log(0.5F)};
  const std::vector<float> label = {3, 0};
  const std::vector<float> weight = {1, 2};
  std::vector<float> d(2);
  const double loss = MeanLossOf(PoissonLoss{}, {margin, label, weight}, d);
  EXPECT_NEAR(loss, ((2.0 - 3 * 0.693147181) + 2 * 1.35914091) / 2, 1e-6);
  EXPECT_NEAR(double{d[0]}, (2.0 - 3.0) / 2, 1e-6);
  EXPECT_NEAR(double{d[1]}, 2 * 1.35914091 / 2, 1e-6);
}

TEST(PoissonLoss, GoesOnAsAStraightLineWhereTheRateStopsGrowing) {
  const std::vector<float> one = {1.0F};
  std::vector<float> at(1), above(1), below(1);
  const double edge = MeanLossOf(PoissonLoss{}, {std::vector<float>{40.0F}, one, one}, at);
  const double far = MeanLossOf(PoissonLoss{}, {std::vector<float>{1040.0F}, one, one}, above);
  EXPECT_NEAR(double{at[0]} / std::exp(40.0), 1.0, 1e-6);
  EXPECT_EQ(above, at);
  EXPECT_NEAR(far / edge, 1001.0, 1e-3);
  EXPECT_TRUE(std::isfinite(at[0] * at[0]));
  EXPECT_EQ(MeanLossOf(PoissonLoss{}, {std::vector<float>{-1e6F}, one, one}, below), 1e6);
  EXPECT_EQ(below[0], -1.0F);
}

TEST(GammaLoss, HandComputedAndFiniteAtTheEnds) {
  // Means 2 and 1/2; then one so small that its inverse is bounded.
  const std::vector<float> margin = {std::log(2.0F), std::log(0.5F), -1040.0F};
  const std::vector<float> label = {3, 2, 1};
  const std::vector<float> weight = {1, 2, 1};
  std::vector<float> d(3);
  const double loss = MeanLossOf(GammaLoss{}, {margin, label, weight}, d);
  EXPECT_NEAR(double{d[0]}, (1.0 - 1.5) / 3, 1e-6);
  EXPECT_NEAR(double{d[1]}, 2 * (1.0 - 4.0) / 3, 1e-6);
  EXPECT_NEAR(double{d[2]} * 3 / std::exp(40.0), -1.0, 1e-6);
  EXPECT_NEAR(loss / (1001.0 * std::exp(40.0) / 3), 1.0, 1e-5);
}

TEST(TweedieLoss, HandComputed) {
  // Mean 4 and power 1.5: mean^(1/2) / (1/2) + label mean^(-1/2) / (1/2).
  const std::vector<float> margin = {std::log(4.0F), std::log(4.0F)};
  const std::vector<float> label = {3, 0};
  const std::vector<float> weight = {1, 1};
  std::vector<float> d(2);
  const double loss = MeanLossOf(TweedieLoss{1.5F}, {margin, label, weight}, d);
  EXPECT_NEAR(loss, ((4.0 + 3.0) + 4.0) / 2, 1e-5);
  EXPECT_NEAR(double{d[0]}, (2.0 - 1.5) / 2, 1e-6);
  EXPECT_NEAR(double{d[1]}, 2.0 / 2, 1e-6);
}

TEST(SquaredLoss, HandComputedWithHubersTangent) {
  // In deviations of 10 from 100: label 1, margins 0 and -2.
  const SquaredLoss huber{100.0F, 10.0F, 1.5F};
  const std::vector<float> margin = {0.0F, -2.0F};
  const std::vector<float> label = {110.0F, 110.0F};
  const std::vector<float> weight = {1, 1};
  std::vector<float> d(2);
  EXPECT_NEAR(MeanLossOf(huber, {margin, label, weight}, d), (0.5 + (1.5 * 3 - 1.5 * 1.5 / 2)) / 2,
              1e-6);
  EXPECT_EQ(d, (std::vector<float>{-0.5F, -0.75F}));
}

TEST(PinballLoss, HandComputed) {
  const std::vector<float> margin = {1.0F, 1.0F, 1.0F, 1e30F};
  const std::vector<float> label = {3.0F, 0.0F, 1.0F, 0.0F};
  const std::vector<float> weight = {1, 2, 1, 1};
  std::vector<float> d(4);
  const double loss = MeanLossOf(PinballLoss{0.75F}, {margin, label, weight}, d);
  EXPECT_NEAR(loss, (0.75 * 2 + 2 * 0.25 * 1 + 0 + 0.25e30) / 4, 1e23);
  EXPECT_EQ(d, (std::vector<float>{-0.75F / 4, 2 * 0.25F / 4, 0.0F, 0.25F / 4}));
}

// The constant that loses least is the quantile: with 100 distinct labels and tau = 0.9, any
// between the 90th and the 91st.
TEST(PinballLoss, IsSmallestAtTheQuantile) {
  std::vector<float> label(100);
  for (size_t i = 0; i < label.size(); ++i) label[i] = static_cast<float>((i * 37) % 100);
  const std::vector<float> weight(100, 1.0F);
  std::vector<float> d(100);
  const auto slope_at = [&](float quantile) {
    const std::vector<float> margin(100, quantile);
    MeanLossOf(PinballLoss{0.9F}, {margin, label, weight}, d);
    double sum = 0.0;
    for (const float slope : d) sum += double{slope};
    return sum;
  };
  EXPECT_LT(slope_at(88.5F), -0.005);
  EXPECT_NEAR(slope_at(89.5F), 0.0, 1e-6);
  EXPECT_GT(slope_at(90.5F), 0.005);
}

TEST(SoftmaxLoss, HandComputedAndFiniteAtTheEnds) {
  // Probabilities 1/4, 1/4, 1/2; then all of it on class 0.
  const std::vector<float> margin = {1.0F, 1.0F, 1.0F + std::log(2.0F), 1000.0F, -1000.0F, 0.0F};
  const std::vector<float> label = {2, 1};
  const std::vector<float> weight = {1, 2};
  std::vector<float> d(6);
  const double loss = MeanLossOf(SoftmaxLoss{3}, {margin, label, weight}, d);
  EXPECT_NEAR(loss, (0.693147181 + 2 * 2000.0) / 2, 1e-3);
  const std::vector<double> expected = {0.125, 0.125, -0.25, 1.0, -1.0, 0.0};
  for (size_t i = 0; i < d.size(); ++i) EXPECT_NEAR(double{d[i]}, expected[i], 1e-7);
}

TEST(SoftmaxLoss, OfTwoClassesIsTheLogisticLoss) {
  const std::vector<float> margin = {0.0F, 0.7F, 0.0F, -2.5F};
  const std::vector<float> difference = {0.7F, -2.5F};
  const std::vector<float> label = {1, 0};
  const std::vector<float> weight = {1, 3};
  std::vector<float> d(4);
  std::vector<float> one(2);
  EXPECT_NEAR(MeanLossOf(SoftmaxLoss{2}, {margin, label, weight}, d),
              MeanLossOf(LogisticLoss{}, {difference, label, weight}, one), 1e-6);
  EXPECT_NEAR(double{d[1]}, double{one[0]}, 1e-7);
  EXPECT_NEAR(double{d[3]}, double{one[1]}, 1e-7);
}

TEST(SoftmaxLoss, ALabelThatIsNoClassIsNotANumber) {
  const std::vector<float> margin = {0.0F, 0.0F};
  for (const float label : {-1.0F, 2.0F, 0.5F, kNan}) {
    std::vector<float> d(2);
    EXPECT_TRUE(std::isnan(MeanLossOf(SoftmaxLoss{2}, {margin, {label}, {1.0F}}, d)));
    EXPECT_TRUE(std::isnan(d[0]) && std::isnan(d[1])) << label;
  }
}

// Levels 0.05, 0.25 and 0.9 of labels around 100: the second is the anchor.
QuantileLoss Quantiles(bool shortfall) {
  QuantileTarget target;
  TargetConfig config;
  config.quantiles = {0.05, 0.25, 0.9};
  config.expected_shortfall = shortfall;
  target.Configure(config);
  std::vector<double> constants = {80.0, 95.0, 110.0};
  if (shortfall) constants.insert(constants.end(), {75.0, 84.0, 98.0});
  target.Fit({.predictions = constants, .scale = 10.0});
  return target.loss;
}

TEST(QuantileLoss, SlopesAreTheDerivatives) {
  for (const bool shortfall : {false, true}) {
    const QuantileLoss loss = Quantiles(shortfall);
    Rng rng(4);
    std::vector<float> margin, label, weight;
    for (int r = 0; r < 40; ++r) {
      // Away from the quantiles, where the loss has a corner.
      label.push_back(rng.Chance(0.5) ? 40.0F : 160.0F);
      weight.push_back(static_cast<float>(0.5 + rng.Uniform()));
      for (uint32_t k = 0; k < loss.outputs(); ++k) {
        margin.push_back(static_cast<float>(rng.Normal()));
      }
    }
    CheckSlopes(margin, [&](const std::vector<float>& at, std::vector<float>* d) {
      return MeanLossOf(loss, {at, label, weight}, *d);
    });
  }
}

TEST(QuantileLoss, HandComputedAtTheConstants) {
  // Margins of 0: quantiles 80, 95, 110 in deviations of 10 from 95; a label of 85.
  const std::vector<float> label = {85.0F};
  const std::vector<float> one = {1.0F};
  std::vector<float> d(3);
  const double loss = MeanLossOf(Quantiles(false), {std::vector<float>(3), label, one}, d);
  EXPECT_NEAR(loss, (0.05 * 0.5 + 0.75 * 1.0 + 0.1 * 2.5) / 3, 1e-6);
  // Slopes by the quantiles are -0.05, 0.75 and 0.1; distances grow by 1 - 1 / e of themselves.
  const double grown = 1.0 - std::exp(-1.0);
  EXPECT_NEAR(double{d[0]}, 0.05 * 1.5 * grown / 3, 1e-6);
  EXPECT_NEAR(double{d[1]}, (-0.05 + 0.75 + 0.1) / 3, 1e-6);
  EXPECT_NEAR(double{d[2]}, 0.1 * 1.5 * grown / 3, 1e-6);
}

TEST(QuantileLoss, QuantilesNeverCrossAndShortfallsLieBelowThem) {
  QuantileTarget target;
  target.loss = Quantiles(true);
  Rng rng(9);
  for (int i = 0; i < 1000; ++i) {
    std::vector<float> margin(6), place(6);
    for (float& m : margin) m = static_cast<float>(10.0 * rng.Normal());
    target.Predict(margin.data(), place.data());
    EXPECT_LE(place[0], place[1]);
    EXPECT_LE(place[1], place[2]);
    for (size_t k = 0; k < 3; ++k) EXPECT_LE(place[3 + k], place[k]);
  }
}

// Over many labels the joint loss is smallest where quantile and shortfall are theirs: of the
// normal distribution at 5 %, -1.645 and -2.063.
TEST(QuantileLoss, IsSmallestAtQuantileAndShortfall) {
  QuantileTarget target;
  TargetConfig config;
  config.quantiles = {0.05};
  config.expected_shortfall = true;
  target.Configure(config);
  target.Fit({.predictions = {-1.645, -2.063}, .scale = 1.0});
  Rng rng(12);
  std::vector<float> label;
  for (int i = 0; i < 400000; ++i) label.push_back(static_cast<float>(rng.Normal()));
  const auto loss_at = [&](float quantile, float depth) {
    double sum = 0.0;
    std::vector<float> d(2);
    const std::vector<float> margin = {quantile, depth};
    for (const float y : label) {
      sum += double{target.loss(margin.data(), y, RowScale{1.0F, 1.0F}, d.data())};
    }
    return sum / static_cast<double>(label.size());
  };
  const double best = loss_at(0.0F, 0.0F);
  for (const float step : {-0.3F, 0.3F}) {
    EXPECT_GT(loss_at(step, 0.0F), best);
    EXPECT_GT(loss_at(0.0F, step), best);
  }
}

TEST(QuantileLoss, LeastIsBelowEveryLoss) {
  const QuantileLoss loss = Quantiles(true);
  Rng rng(3);
  for (int i = 0; i < 1000; ++i) {
    std::vector<float> margin(6), d(6);
    for (float& m : margin) m = static_cast<float>(3.0 * rng.Normal());
    const double label = 100.0 + 20.0 * rng.Normal();
    const float lost = loss(margin.data(), static_cast<float>(label), RowScale{1, 1}, d.data());
    EXPECT_GE(double{lost}, loss.Least(label) - 1e-5);
  }
}

// A run whose weights diverged must be seen, not trained on.
TEST(Losses, AMarginThatIsNotANumberComesOutAsOne) {
  const std::vector<float> margin = {kNan};
  const std::vector<float> one = {1.0F};
  const std::vector<float> zero = {0.0F};
  std::vector<float> d(1);
  EXPECT_TRUE(std::isnan(MeanLossOf(LogisticLoss{}, {margin, one, one}, d)) && std::isnan(d[0]));
  EXPECT_TRUE(std::isnan(MeanLossOf(PoissonLoss{}, {margin, one, one}, d)) && std::isnan(d[0]));
  EXPECT_TRUE(std::isnan(MeanLossOf(PinballLoss{0.5F}, {margin, one, one}, d)) && std::isnan(d[0]));
  EXPECT_TRUE(std::isnan(MeanLossOf(GammaLoss{}, {margin, one, one}, d)) && std::isnan(d[0]));
  EXPECT_TRUE(std::isnan(MeanLossOf(TweedieLoss{}, {margin, one, one}, d)) && std::isnan(d[0]));
  EXPECT_TRUE(std::isnan(MeanLossOf(SquaredLoss{0, 1, 1}, {margin, one, one}, d)) &&
              std::isnan(d[0]));
  for (const size_t broken : {0U, 2U, 5U}) {
    std::vector<float> margins(6), slopes(6);
    margins[broken] = kNan;
    EXPECT_TRUE(std::isnan(MeanLossOf(Quantiles(true), {margins, one, one}, slopes)));
    EXPECT_TRUE(std::isnan(slopes[broken]));
  }
  std::vector<float> both(2);
  const std::vector<float> margins = {0.0F, kNan};
  EXPECT_TRUE(std::isnan(MeanLossOf(SoftmaxLoss{2}, {margins, zero, one}, both)));
  EXPECT_TRUE(std::isnan(both[0]) && std::isnan(both[1]));
}

}  // namespace
}  // namespace rubato
