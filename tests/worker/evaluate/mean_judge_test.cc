// Figures of means and of numbers, against values that scikit-learn gives or that were made by
// hand.
#include <cmath>
#include <list>
#include <span>
#include <vector>

#include "gtest/gtest.h"
#include "worker/evaluate/evaluation.h"
#include "worker/evaluate/lorenz.h"

namespace rubato {
namespace {

// The samples of scikit-learn's documentation.
const std::vector<float> kCounts = {2, 0, 1, 4};
const std::vector<float> kAmounts = {2, 0.5, 1, 4};
const std::vector<float> kMeans = {0.5, 0.5, 2, 2};

// A prediction for every row, which lives as long as the program.
std::span<const double> Constantly(double prediction) {
  static std::list<double> kept;
  return {&kept.emplace_back(prediction), 1};
}

Figures Judged(const Target& target, const ScoredRows& rows) {
  const auto figures = Evaluate(target, rows);
  EXPECT_TRUE(figures.ok()) << figures.status();
  return *figures;
}

// mean_poisson_deviance, mean_gamma_deviance, mean_tweedie_deviance(power=1.5).
TEST(MeanJudge, DeviancesAreThoseOfScikitLearn) {
  const ScoredRows counts = {
      .labels = kCounts, .predictions = kMeans, .offsets = {}, .constant = Constantly(1.0)};
  EXPECT_NEAR(Judged(CountTarget(), counts).at("poisson_deviance_x100"), 142.6012, 1e-3);
  const ScoredRows amounts = {
      .labels = kAmounts, .predictions = kMeans, .offsets = {}, .constant = Constantly(1.0)};
  EXPECT_NEAR(Judged(AmountTarget(), amounts).at("gamma_deviance"), 1.0568528, 1e-6);
  EXPECT_NEAR(Judged(TweedieTarget(), counts).at("tweedie_deviance"), 1.7781746, 1e-6);
}

// Weights 1 and 3: a row that counts for three is three rows.
TEST(MeanJudge, AWeightIsSoManyRows) {
  const std::vector<float> labels = {1, 4};
  const std::vector<float> means = {2, 3};
  const std::vector<float> weights = {1, 3};
  const std::vector<float> many = {1, 4, 4, 4};
  const std::vector<float> many_means = {2, 3, 3, 3};
  const Figures weighted = Judged(AmountTarget(), {.labels = labels,
                                                   .predictions = means,
                                                   .offsets = {},
                                                   .weights = weights,
                                                   .constant = Constantly(3.0)});
  const Figures rows = Judged(
      AmountTarget(),
      {.labels = many, .predictions = many_means, .offsets = {}, .constant = Constantly(3.0)});
  for (const char* name :
       {"gamma_deviance", "rmse", "actual", "expected", "actual_expected", "gini", "size"}) {
    EXPECT_NEAR(weighted.at(name), rows.at(name), 1e-12) << name;
  }
  EXPECT_EQ(weighted.at("rows"), 2.0);
}

// Rates 1/4 and 1 in exposures of 4 and 1; one event each. By rising rate: 4/5 of the exposure has
// half of the events. Area 0.8 * 0.25 + 0.2 * 0.75.
TEST(MeanJudge, GiniIsByExposure) {
  const std::vector<float> labels = {1, 1};
  const std::vector<float> expected = {1, 1};
  const std::vector<float> offsets = {std::log(4.0F), 0.0F};
  const Figures figures = Judged(
      CountTarget(),
      {.labels = labels, .predictions = expected, .offsets = offsets, .constant = Constantly(0.4)});
  EXPECT_NEAR(figures.at("gini"), 1 - 2 * 0.35, 1e-6);
  EXPECT_NEAR(figures.at("size"), 5.0, 1e-6);
  EXPECT_EQ(figures.at("events"), 2.0);
  EXPECT_EQ(figures.at("actual_expected"), 1.0);
}

// A constant's predictions differ by exposure, and its rates by no more than a rounding.
TEST(MeanJudge, AConstantPutsNothingInOrder) {
  std::vector<float> labels, expected, offsets;
  for (int i = 0; i < 1000; ++i) {
    labels.push_back(static_cast<float>(i % 7 == 0));
    offsets.push_back(std::log(0.01F * static_cast<float>(1 + i % 100)));
    expected.push_back(0.1F * std::exp(offsets.back()));
  }
  const Figures figures = Judged(
      CountTarget(),
      {.labels = labels, .predictions = expected, .offsets = offsets, .constant = Constantly(0.1)});
  EXPECT_NEAR(figures.at("gini"), 0.0, 1e-12);
  EXPECT_NEAR(figures.at("poisson_deviance_x100_error"), 0.0, 1e-3);
}

TEST(MeanJudge, SaysWhatIsWrong) {
  const std::vector<float> one = {1.0F};
  for (const float wrong : {0.0F, -1.0F, std::nanf("")}) {
    const std::vector<float> prediction = {wrong};
    const auto figures = Evaluate(
        CountTarget(),
        {.labels = one, .predictions = prediction, .offsets = {}, .constant = Constantly(1.0)});
    EXPECT_EQ(figures.status().message(),
              "cannot evaluate: the prediction of row 0 is not a number above 0");
  }
  const ScoredRows empty = {
      .labels = {}, .predictions = {}, .offsets = {}, .constant = Constantly(1.0)};
  EXPECT_FALSE(Evaluate(CountTarget(), empty).ok());
  const std::vector<float> none = {0.0F};
  const ScoredRows weightless = {.labels = one,
                                 .predictions = one,
                                 .offsets = {},
                                 .weights = none,
                                 .constant = Constantly(1.0)};
  EXPECT_FALSE(Evaluate(AmountTarget(), weightless).ok());
}

TEST(MeanJudge, WithoutEventsNothingIsRanked) {
  const std::vector<float> none = {0, 0};
  const std::vector<float> expected = {0.1F, 0.2F};
  const Figures figures =
      Judged(CountTarget(),
             {.labels = none, .predictions = expected, .offsets = {}, .constant = Constantly(0.1)});
  EXPECT_EQ(figures.at("gini"), 0.0);
  EXPECT_NEAR(figures.at("poisson_deviance_x100"), 100 * 2 * 0.15, 1e-5);
}

TEST(Lorenz, TenthsAndCurveSumToAll) {
  std::vector<MeanRow> rows;
  for (int i = 0; i < 25; ++i) {
    rows.push_back({.rate = 1.0 + i, .size = 2.0, .actual = 1.0 * i, .expected = 0.5 * i});
  }
  const LorenzRows lorenz(rows);
  const FigureTable tenths = lorenz.Calibration();
  ASSERT_EQ(tenths.rows.size(), 10u);
  double size = 0.0;
  double actual = 0.0;
  for (const auto& row : tenths.rows) {
    size += row[1];
    actual += row[1] * row[3];
  }
  EXPECT_EQ(size, 50.0);
  EXPECT_NEAR(actual, 300.0, 1e-9);
  const FigureTable curve = lorenz.Curve(6);
  EXPECT_LE(curve.rows.size(), 7u);
  EXPECT_EQ(curve.rows.front(), (std::vector<double>{0.0, 0.0}));
  EXPECT_EQ(curve.rows.back(), (std::vector<double>{1.0, 1.0}));
}

// mean_squared_error, mean_absolute_error and r2_score of y = 3, -0.5, 2, 7 and 2.5, 0, 2, 8.
TEST(RealJudge, FiguresAreThoseOfScikitLearn) {
  const std::vector<float> labels = {3, -0.5, 2, 7};
  const std::vector<float> predictions = {2.5, 0, 2, 8};
  const Figures figures = Judged(
      RealTarget(),
      {.labels = labels, .predictions = predictions, .offsets = {}, .constant = Constantly(2.0)});
  EXPECT_NEAR(figures.at("rmse"), std::sqrt(0.375), 1e-9);
  EXPECT_NEAR(figures.at("mae"), 0.5, 1e-9);
  EXPECT_NEAR(figures.at("r2"), 0.948608137, 1e-8);
}

// Labels and predictions are in their own unit; the constant is in that of each row, and R2 is of
// the labels' variance all the same.
TEST(RealJudge, TheConstantIsInTheUnitOfEachRow) {
  const std::vector<float> labels = {3, -0.5, 2, 7};
  const std::vector<float> predictions = {2.5, 0, 2, 8};
  const std::vector<float> scales = {1, 2, 4, 0.5};
  const std::vector<double> two = {2.0};
  const Figures figures = Judged(RealTarget(), {.labels = labels,
                                                .predictions = predictions,
                                                .offsets = {},
                                                .constant = two,
                                                .scales = scales});
  EXPECT_NEAR(figures.at("rmse"), std::sqrt(0.375), 1e-9);
  EXPECT_NEAR(figures.at("r2"), 0.948608137, 1e-8);
  const double of_constant = (1 + 4.5 * 4.5 + 36 + 36) / 4;
  EXPECT_GT(figures.at("rmse_error"), 0.0);
  const std::vector<float> constants = {2, 4, 8, 1};
  EXPECT_NEAR(Judged(RealTarget(), {.labels = labels,
                                    .predictions = constants,
                                    .offsets = {},
                                    .constant = two,
                                    .scales = scales})
                  .at("rmse"),
              std::sqrt(of_constant), 1e-9);
}

TEST(Targets, EveryJudgeHasEveryFigureThatItsTargetNames) {
  const std::vector<float> labels = {1, 2};
  for (const Target& target : {Target(CountTarget()), Target(AmountTarget()),
                               Target(TweedieTarget()), Target(RealTarget())}) {
    const Figures figures = Judged(
        target,
        {.labels = labels, .predictions = labels, .offsets = {}, .constant = Constantly(1.5)});
    for (const MetricSpec& metric : DescriptionOf(target).metrics) {
      EXPECT_TRUE(figures.Has(metric.name)) << metric.name;
    }
    EXPECT_TRUE(figures.Has(absl::StrCat(DescriptionOf(target).chosen_by, "_error")));
  }
}

}  // namespace
}  // namespace rubato
