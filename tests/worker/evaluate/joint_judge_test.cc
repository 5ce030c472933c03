// Figures of several classes and of quantiles, against values that were made by hand.
#include <cmath>
#include <limits>
#include <vector>

#include "common/base/env.h"
#include "gtest/gtest.h"
#include "worker/evaluate/backtest.h"
#include "worker/evaluate/evaluation.h"

namespace rubato {
namespace {

Figures Judged(const Target& target, const ScoredRows& rows) {
  const auto figures = Evaluate(target, rows);
  EXPECT_TRUE(figures.ok()) << figures.status();
  return *figures;
}

ClassesTarget ThreeClasses() {
  ClassesTarget target;
  target.loss.classes = 3;
  return target;
}

TEST(ClassesJudge, HandComputed) {
  const std::vector<float> labels = {0, 1, 2, 2};
  const std::vector<float> predictions = {0.5F, 0.25F, 0.25F, 0.5F,   0.25F, 0.25F,
                                          0.1F, 0.1F,  0.8F,  0.125F, 0.25F, 0.625F};
  const std::vector<double> shares = {0.25, 0.25, 0.5};
  const Figures figures =
      Judged(ThreeClasses(),
             {.labels = labels, .predictions = predictions, .offsets = {}, .constant = shares});
  EXPECT_EQ(figures.at("rows"), 4.0);
  EXPECT_EQ(figures.at("accuracy"), 0.75);
  EXPECT_EQ(figures.at("constant_accuracy"), 0.5);
  EXPECT_NEAR(figures.at("logloss"), -(std::log(0.5 * 0.25 * 0.8 * 0.625)) / 4, 1e-7);
  EXPECT_NEAR(figures.at("constant_logloss"), 1.5 * std::log(2.0), 1e-12);
  // Class 0: 0.5 against 0.5, 0.1, 0.125; class 1: 0.25 against 0.25, 0.1, 0.25; class 2 is first.
  EXPECT_NEAR(figures.at("macro_auc"), (2.5 / 3 + 2.0 / 3 + 1.0) / 3, 1e-12);
  const FigureTable& confusion = figures.tables[0];
  EXPECT_EQ(confusion.rows, (std::vector<std::vector<double>>{{0, 0, 1}, {1, 0, 1}, {2, 2, 2}}));
  EXPECT_EQ(figures.tables[1].rows.front(), (std::vector<double>{1, 1, 0, 0.25}));
}

TEST(ClassesJudge, AWeightIsSoManyRows) {
  const std::vector<float> labels = {0, 1};
  const std::vector<float> predictions = {0.5F, 0.25F, 0.25F, 0.5F, 0.25F, 0.25F};
  const std::vector<float> weights = {3, 1};
  const std::vector<double> shares = {0.25, 0.25, 0.5};
  const Figures figures = Judged(ThreeClasses(), {.labels = labels,
                                                  .predictions = predictions,
                                                  .offsets = {},
                                                  .weights = weights,
                                                  .constant = shares});
  EXPECT_EQ(figures.at("accuracy"), 0.75);
}

TEST(ClassesJudge, APredictionThatIsNotANumberIsNamed) {
  const std::vector<float> labels = {0, 1};
  const std::vector<double> shares = {0.25, 0.25, 0.5};
  std::vector<float> predictions(6, 1.0F / 3);
  predictions[4] = std::numeric_limits<float>::quiet_NaN();
  const auto figures =
      Evaluate(ThreeClasses(),
               {.labels = labels, .predictions = predictions, .offsets = {}, .constant = shares});
  EXPECT_EQ(figures.status().message(), "cannot evaluate: a prediction of row 1 is not a number");
}

// The example of MathWorks' Risk Management Toolbox and others: 57 breaches of 1043 rows.
TEST(Backtest, LikelihoodRatiosHaveTheirPublishedValues) {
  const LikelihoodRatio share = KupiecTest(57, 1043, 0.05);
  EXPECT_NEAR(share.statistic, 0.461466, 1e-6);
  EXPECT_NEAR(share.p, 0.496939, 1e-6);
  const LikelihoodRatio independence = IndependenceTest({932, 53, 53, 4});
  EXPECT_NEAR(independence.statistic, 0.258663, 1e-6);
  EXPECT_NEAR(independence.p, 0.611040, 1e-6);
  const LikelihoodRatio joint = JointTest(share, independence);
  EXPECT_NEAR(joint.statistic, 0.720130, 1e-6);
  EXPECT_NEAR(joint.p, 0.697631, 1e-6);
}

TEST(Backtest, NoBreachesAndNoneTwiceAreRatiosToo) {
  EXPECT_NEAR(KupiecTest(0, 250, 0.01).statistic, 5.025168, 1e-6);
  EXPECT_NEAR(KupiecTest(250, 250, 0.01).statistic, -2 * 250 * std::log(0.01), 1e-6);
  EXPECT_EQ(IndependenceTest({249, 0, 0, 0}).statistic, 0.0);
  EXPECT_TRUE(std::isfinite(IndependenceTest({240, 5, 4, 0}).statistic));
}

TEST(Backtest, TheTrafficLightIsThatOfBasel) {
  EXPECT_NEAR(BinomialBelow(4, 250, 0.01), 0.892188, 1e-6);
  EXPECT_NEAR(BinomialBelow(5, 250, 0.01), 0.958817, 1e-6);
  EXPECT_NEAR(BinomialBelow(9, 250, 0.01), 0.999750, 1e-6);
  EXPECT_EQ(BinomialBelow(250, 250, 0.01), 1.0);
  EXPECT_EQ(BaselZone(4, 250, 0.01), 0);
  EXPECT_EQ(BaselZone(5, 250, 0.01), 1);
  EXPECT_EQ(BaselZone(9, 250, 0.01), 1);
  EXPECT_EQ(BaselZone(10, 250, 0.01), 2);
}

// A history of normal labels, of which a level's quantile and shortfall are known.
struct History {
  explicit History(Rng* rng) {
    for (int i = 0; i < 500; ++i) {
      // Volatility moves slowly between 1 and 3.
      const double scale = 2.0 + std::sin(i / 40.0);
      labels.push_back(scale * rng->Normal());
      quantiles.push_back(-1.6448536 * scale);
      shortfalls.push_back(-2.0627128 * scale);
    }
  }
  TailRows rows() const { return {labels, quantiles, shortfalls, 0.05}; }
  std::vector<double> labels, quantiles, shortfalls;
};

// Where quantiles and shortfalls are right, one history in twenty is told not to be.
TEST(Backtest, TheTestOfShortfallsHasItsSize) {
  Rng rng(7);
  constexpr int kHistories = 500;
  int rejected = 0;
  for (int i = 0; i < kHistories; ++i) {
    const History history(&rng);
    rejected += AcerbiSzekelyP(history.rows(), AcerbiSzekelyZ2(history.rows())) < 0.05 ? 1 : 0;
  }
  EXPECT_NEAR(double{1.0} * rejected / kHistories, 0.05, 0.02);
}

TEST(Backtest, AShortfallThatIsTooSmallIsFound) {
  Rng rng(8);
  History history(&rng);
  for (double& label : history.labels) label *= 1.6;
  const double z2 = AcerbiSzekelyZ2(history.rows());
  EXPECT_LT(z2, -1.0);
  EXPECT_LT(AcerbiSzekelyP(history.rows(), z2), 0.001);
}

QuantileTarget TwoLevels(bool shortfall) {
  QuantileTarget target;
  TargetConfig config;
  config.quantiles = {0.1, 0.5};
  config.expected_shortfall = shortfall;
  target.Configure(config);
  return target;
}

TEST(QuantileJudge, HandComputed) {
  const std::vector<float> labels = {-3, 0, 1, 4};
  const std::vector<float> predictions = {-2, 0, -2, 1, -2, 1, -2, 1};
  const std::vector<double> constant = {-3, 0};
  const Figures figures =
      Judged(TwoLevels(false),
             {.labels = labels, .predictions = predictions, .offsets = {}, .constant = constant});
  // Level 0.1: 0.9, 0.2, 0.3, 0.6; level 0.5: 1.5, 0.5, 0, 1.5.
  const auto& low = figures.levels.at("0.1");
  EXPECT_NEAR(low.at("pinball"), 2.0 / 4, 1e-7);
  EXPECT_NEAR(low.at("constant_pinball"), (0 + 0.3 + 0.4 + 0.7) / 4, 1e-7);
  EXPECT_NEAR(figures.levels.at("0.5").at("pinball"), 3.5 / 4, 1e-12);
  EXPECT_NEAR(figures.at("pinball"), 5.5 / 8, 1e-7);
  EXPECT_EQ(low.at("breaches"), 1.0);
  EXPECT_EQ(low.at("breach_rate"), 0.25);
  EXPECT_NEAR(low.at("kupiec_p"), KupiecTest(1, 4, 0.1).p, 1e-6);
  EXPECT_EQ(low.count("es_z2"), 0u);
  const FigureTable& band = figures.tables[0];
  EXPECT_EQ(band.columns,
            (std::vector<std::string>{"first", "last", "low", "high", "q_0.1", "q_0.5"}));
  EXPECT_EQ(band.rows[3], (std::vector<double>{3, 3, 4, 4, -2, 1}));
  EXPECT_EQ(figures.tables[1].rows, (std::vector<std::vector<double>>{{0, -3, -2}}));
}

// Labels and predictions are in their own unit, the constant is in that of each row.
TEST(QuantileJudge, TheConstantIsInTheUnitOfEachRow) {
  const std::vector<float> labels = {-3, 0, 1, 4};
  const std::vector<float> predictions = {-2, 0, -2, 1, -2, 1, -2, 1};
  const std::vector<double> constant = {-3, 0};
  const std::vector<float> scales = {1, 2, 0.5, 1};
  const Figures figures = Judged(TwoLevels(false), {.labels = labels,
                                                    .predictions = predictions,
                                                    .offsets = {},
                                                    .constant = constant,
                                                    .scales = scales});
  EXPECT_NEAR(figures.levels.at("0.1").at("pinball"), 2.0 / 4, 1e-7);
  EXPECT_NEAR(figures.levels.at("0.1").at("constant_pinball"), (0 + 0.6 + 0.25 + 0.7) / 4, 1e-7);
}

TEST(QuantileJudge, ShortfallsAreJudgedWhereTheyAreLosses) {
  const std::vector<float> labels = {-3, 0, 1, 4};
  std::vector<float> predictions;
  for (int i = 0; i < 4; ++i) predictions.insert(predictions.end(), {-2, 0.5F, -2.5F, -1});
  const std::vector<double> constant = {-3, 0, -3, -1.5};
  const ScoredRows rows = {
      .labels = labels, .predictions = predictions, .offsets = {}, .constant = constant};
  const Figures figures = Judged(TwoLevels(true), rows);
  EXPECT_NEAR(figures.levels.at("0.1").at("es_z2"), 1.0 - (3 / 2.5) / (4 * 0.1), 1e-6);
  EXPECT_EQ(figures.levels.at("0.1").count("es_z2_p"), 1u);
  predictions[2] = 0.25F;
  EXPECT_EQ(Judged(TwoLevels(true), rows).levels.at("0.1").count("es_z2"), 0u);
  EXPECT_EQ(Judged(TwoLevels(true), rows).levels.at("0.5").count("es_z2"), 1u);
}

// What training tells after each pass is the same as in the report, and costs no more than it must.
TEST(JointJudges, TellProgressAlone) {
  const std::vector<float> labels = {0, 1, 2, 2};
  const std::vector<float> thirds(12, 1.0F / 3);
  const std::vector<double> shares = {0.25, 0.25, 0.5};
  ScoredRows rows = {.labels = labels, .predictions = thirds, .offsets = {}, .constant = shares};
  const Figures whole = Judged(ThreeClasses(), rows);
  rows.use = MetricUse::kProgress;
  const Figures told = Judged(ThreeClasses(), rows);
  EXPECT_EQ(told.at("accuracy"), whole.at("accuracy"));
  EXPECT_EQ(told.at("logloss"), whole.at("logloss"));
  EXPECT_FALSE(told.Has("macro_auc"));
  EXPECT_TRUE(told.tables.empty());
  const std::vector<float> pairs(8, 1.0F);
  const std::vector<double> constant = {-3, 0};
  rows.predictions = pairs;
  rows.constant = constant;
  const Figures quantiles = Judged(TwoLevels(false), rows);
  rows.use = MetricUse::kReport;
  EXPECT_EQ(quantiles.at("pinball"), Judged(TwoLevels(false), rows).at("pinball"));
  EXPECT_TRUE(quantiles.levels.empty() && quantiles.tables.empty());
}

}  // namespace
}  // namespace rubato
