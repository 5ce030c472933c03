// The losses of worker/spec/row_loss.h over batches, and softmax.
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "common/base/env.h"
#include "gtest/gtest.h"
#include "worker/compute/cpu/mean_loss.h"
#include "worker/compute/cpu/softmax_loss.h"
#include "worker/spec/target.h"

namespace rubato {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

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
      return MeanLossGradient(LogisticLoss{}, {margin, binary, weight}, *d);
    });
    CheckSlopes(rows.margin, [&](const std::vector<float>& margin, std::vector<float>* d) {
      return MeanLossGradient(PoissonLoss{}, {margin, rows.label, weight}, *d);
    });
    std::vector<float> positive(rows.label);
    for (float& label : positive) label += 0.5F;
    CheckSlopes(rows.margin, [&](const std::vector<float>& margin, std::vector<float>* d) {
      return MeanLossGradient(GammaLoss{}, {margin, positive, weight}, *d);
    });
    for (const float power : {1.1F, 1.5F, 1.9F}) {
      CheckSlopes(rows.margin, [&](const std::vector<float>& margin, std::vector<float>* d) {
        return MeanLossGradient(TweedieLoss{power}, {margin, rows.label, weight}, *d);
      });
    }
    for (const float delta : {0.0F, 5.0F, 0.001F}) {
      CheckSlopes(rows.margin, [&](const std::vector<float>& margin, std::vector<float>* d) {
        return MeanLossGradient(SquaredLoss{1.0F, 2.0F, delta}, {margin, rows.label, weight}, *d);
      });
    }
    CheckSlopes(rows.margins, [&](const std::vector<float>& margin, std::vector<float>* d) {
      return SoftmaxLossGradient({margin.data(), 5, 3}, rows.label, weight, {d->data(), 5, 3});
    });
  }
}

TEST(LogisticLoss, HandComputedAndFiniteAtTheEnds) {
  const std::vector<float> margin = {0.0F, 200.0F, -200.0F, 1.0F};
  const std::vector<float> label = {1, 0, 0, 1};
  const std::vector<float> weight = {1, 1, 1, 2};
  std::vector<float> d(4);
  const double loss = MeanLossGradient(LogisticLoss{}, {margin, label, weight}, d);
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
  const double loss = MeanLossGradient(PoissonLoss{}, {margin, label, weight}, d);
  EXPECT_NEAR(loss, ((2.0 - 3 * 0.693147181) + 2 * 1.35914091) / 2, 1e-6);
  EXPECT_NEAR(double{d[0]}, (2.0 - 3.0) / 2, 1e-6);
  EXPECT_NEAR(double{d[1]}, 2 * 1.35914091 / 2, 1e-6);
}

TEST(PoissonLoss, GoesOnAsAStraightLineWhereTheRateStopsGrowing) {
  const std::vector<float> one = {1.0F};
  std::vector<float> at(1), above(1), below(1);
  const double edge = MeanLossGradient(PoissonLoss{}, {std::vector<float>{40.0F}, one, one}, at);
  const double far =
      MeanLossGradient(PoissonLoss{}, {std::vector<float>{1040.0F}, one, one}, above);
  EXPECT_NEAR(double{at[0]} / std::exp(40.0), 1.0, 1e-6);
  EXPECT_EQ(above, at);
  EXPECT_NEAR(far / edge, 1001.0, 1e-3);
  EXPECT_TRUE(std::isfinite(at[0] * at[0]));
  EXPECT_EQ(MeanLossGradient(PoissonLoss{}, {std::vector<float>{-1e6F}, one, one}, below), 1e6);
  EXPECT_EQ(below[0], -1.0F);
}

TEST(GammaLoss, HandComputedAndFiniteAtTheEnds) {
  // Means 2 and 1/2; then one so small that its inverse is bounded.
  const std::vector<float> margin = {std::log(2.0F), std::log(0.5F), -1040.0F};
  const std::vector<float> label = {3, 2, 1};
  const std::vector<float> weight = {1, 2, 1};
  std::vector<float> d(3);
  const double loss = MeanLossGradient(GammaLoss{}, {margin, label, weight}, d);
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
  const double loss = MeanLossGradient(TweedieLoss{1.5F}, {margin, label, weight}, d);
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
  EXPECT_NEAR(MeanLossGradient(huber, {margin, label, weight}, d),
              (0.5 + (1.5 * 3 - 1.5 * 1.5 / 2)) / 2, 1e-6);
  EXPECT_EQ(d, (std::vector<float>{-0.5F, -0.75F}));
}

TEST(PinballLoss, HandComputed) {
  const std::vector<float> margin = {1.0F, 1.0F, 1.0F, 1e30F};
  const std::vector<float> label = {3.0F, 0.0F, 1.0F, 0.0F};
  const std::vector<float> weight = {1, 2, 1, 1};
  std::vector<float> d(4);
  const double loss = MeanLossGradient(PinballLoss{0.75F}, {margin, label, weight}, d);
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
    MeanLossGradient(PinballLoss{0.9F}, {margin, label, weight}, d);
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
  const double loss = SoftmaxLossGradient({margin.data(), 2, 3}, label, weight, {d.data(), 2, 3});
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
  EXPECT_NEAR(SoftmaxLossGradient({margin.data(), 2, 2}, label, weight, {d.data(), 2, 2}),
              MeanLossGradient(LogisticLoss{}, {difference, label, weight}, one), 1e-6);
  EXPECT_NEAR(double{d[1]}, double{one[0]}, 1e-7);
  EXPECT_NEAR(double{d[3]}, double{one[1]}, 1e-7);
}

TEST(SoftmaxLoss, ALabelThatIsNoClassIsNotANumber) {
  const std::vector<float> margin = {0.0F, 0.0F};
  for (const float label : {-1.0F, 2.0F, 0.5F, kNan}) {
    std::vector<float> d(2);
    EXPECT_TRUE(std::isnan(SoftmaxLossGradient({margin.data(), 1, 2}, std::vector<float>{label},
                                               std::vector<float>{1.0F}, {d.data(), 1, 2})));
    EXPECT_TRUE(std::isnan(d[0]) && std::isnan(d[1])) << label;
  }
}

// A run whose weights diverged must be seen, not trained on.
TEST(Losses, AMarginThatIsNotANumberComesOutAsOne) {
  const std::vector<float> margin = {kNan};
  const std::vector<float> one = {1.0F};
  const std::vector<float> zero = {0.0F};
  std::vector<float> d(1);
  EXPECT_TRUE(std::isnan(MeanLossGradient(LogisticLoss{}, {margin, one, one}, d)) &&
              std::isnan(d[0]));
  EXPECT_TRUE(std::isnan(MeanLossGradient(PoissonLoss{}, {margin, one, one}, d)) &&
              std::isnan(d[0]));
  EXPECT_TRUE(std::isnan(MeanLossGradient(PinballLoss{0.5F}, {margin, one, one}, d)) &&
              std::isnan(d[0]));
  EXPECT_TRUE(std::isnan(MeanLossGradient(GammaLoss{}, {margin, one, one}, d)) && std::isnan(d[0]));
  EXPECT_TRUE(std::isnan(MeanLossGradient(TweedieLoss{}, {margin, one, one}, d)) &&
              std::isnan(d[0]));
  EXPECT_TRUE(std::isnan(MeanLossGradient(SquaredLoss{0, 1, 1}, {margin, one, one}, d)) &&
              std::isnan(d[0]));
  std::vector<float> both(2);
  const std::vector<float> margins = {0.0F, kNan};
  EXPECT_TRUE(
      std::isnan(SoftmaxLossGradient({margins.data(), 1, 2}, zero, one, {both.data(), 1, 2})));
  EXPECT_TRUE(std::isnan(both[0]) && std::isnan(both[1]));
}

}  // namespace
}  // namespace rubato
