#include "worker/evaluate/metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "common/base/env.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/worker/evaluate/batch_dataset.h"
#include "worker/evaluate/evaluation.h"
#include "worker/evaluate/ranking.h"

namespace rubato {
namespace {

struct Sample {
  std::vector<float> labels;
  std::vector<float> scores;
};

// Reference values from scikit-learn 1.2.1 and, for KS, from scipy.stats.ks_2samp.
const Sample kGolden = {
    .labels = {0, 0, 0, 0, 1, 0, 1, 0, 1, 1, 0, 1},
    .scores = {.05f, .10f, .10f, .20f, .20f, .30f, .40f, .40f, .60f, .70f, .75f, .90f}};

Ranking Rank(const Sample& sample) {
  auto ranking = RankScores(sample.labels, sample.scores);
  CHECK(ranking.ok());
  return *std::move(ranking);
}

// Scores on a grid, so that many tie; labels follow them.
Sample RandomSample(uint64_t seed, size_t rows, uint64_t levels) {
  Rng rng(seed);
  Sample sample;
  for (size_t i = 0; i < rows; ++i) {
    const double p = (static_cast<double>(rng.Below(levels)) + 0.5) / static_cast<double>(levels);
    sample.scores.push_back(static_cast<float>(p));
    sample.labels.push_back(rng.Chance(p) ? 1.0f : 0.0f);
  }
  sample.labels[0] = sample.labels[1] = 0.0f;  // two of each class at least
  sample.labels[2] = sample.labels[3] = 1.0f;
  return sample;
}

TEST(Metrics, GoldenVector) {
  const Ranking ranking = Rank(kGolden);
  EXPECT_NEAR(Auc(ranking), 0.8, 1e-12);
  EXPECT_NEAR(KolmogorovSmirnov(ranking).distance, 0.5142857, 1e-7);
  EXPECT_NEAR(AveragePrecision(ranking), 0.7277778, 1e-7);
  EXPECT_NEAR(LogLoss(ranking), 0.5197951122, 1e-7);  // scores are floats
  EXPECT_NEAR(Brier(ranking), 0.1779166667, 1e-7);
}

TEST(Metrics, PerfectReversedAndConstantScores) {
  const std::vector<float> labels = {0, 0, 0, 1, 1};
  const Ranking perfect = Rank({labels, {.1f, .2f, .3f, .4f, .5f}});
  EXPECT_EQ(Auc(perfect), 1.0);
  EXPECT_EQ(KolmogorovSmirnov(perfect).distance, 1.0);
  EXPECT_EQ(static_cast<float>(KolmogorovSmirnov(perfect).cut), .3f);
  EXPECT_EQ(AveragePrecision(perfect), 1.0);
  EXPECT_EQ(AucInterval(perfect).low, 1.0);
  EXPECT_EQ(Auc(Rank({labels, {.5f, .4f, .3f, .2f, .1f}})), 0.0);

  const Ranking constant = Rank({labels, {.4f, .4f, .4f, .4f, .4f}});
  EXPECT_EQ(Auc(constant), 0.5);
  EXPECT_EQ(KolmogorovSmirnov(constant).distance, 0.0);
  EXPECT_DOUBLE_EQ(AveragePrecision(constant), 0.4);
  EXPECT_EQ(RocCurve(constant, 200).size(), 2u);
  EXPECT_EQ(CalibrationTable(constant, 10).size(), 1u);
}

// Positives .8 .4, negatives .5 .3 .1. Placements: 1, 2/3 (sample variance 1/18) and 1/2, 1, 1
// (1/12); variance of the AUC 1/18 / 2 + 1/12 / 3 = 1/18.
TEST(Metrics, DeLongByHand) {
  const Ranking ranking = Rank({{1, 1, 0, 0, 0}, {.8f, .4f, .5f, .3f, .1f}});
  EXPECT_NEAR(Auc(ranking), 5.0 / 6, 1e-12);
  EXPECT_NEAR(AucInterval(ranking).low, 5.0 / 6 - 1.959963984540054 / std::sqrt(18), 1e-12);
  EXPECT_EQ(AucInterval(ranking).high, 1.0);
}

// The definition, pair by pair.
double PairwiseAuc(const Sample& sample, double* variance) {
  std::vector<double> by_positive;
  std::vector<double> by_negative;
  const auto placement = [&](size_t i, float other_class) {
    double sum = 0;
    double count = 0;
    for (size_t j = 0; j < sample.labels.size(); ++j) {
      if (sample.labels[j] != other_class) continue;
      const float difference = sample.scores[i] - sample.scores[j];
      const double signed_difference = other_class == 0 ? difference : -difference;
      sum += signed_difference > 0 ? 1 : (signed_difference == 0 ? 0.5 : 0);
      ++count;
    }
    return sum / count;
  };
  for (size_t i = 0; i < sample.labels.size(); ++i) {
    if (sample.labels[i] == 1) by_positive.push_back(placement(i, 0));
    if (sample.labels[i] == 0) by_negative.push_back(placement(i, 1));
  }
  *variance = 0;
  double mean = 0;
  for (const auto& placements : {by_negative, by_positive}) {
    const double n = static_cast<double>(placements.size());
    mean = 0;
    for (const double v : placements) mean += v / n;
    for (const double v : placements) *variance += (v - mean) * (v - mean) / (n - 1) / n;
  }
  return mean;
}

TEST(Metrics, AucAndDeLongAgreeWithTheirDefinitions) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const Sample sample = RandomSample(seed, 20 + 5 * seed, 3 + seed);
    const Ranking ranking = Rank(sample);
    double variance = 0;
    EXPECT_NEAR(Auc(ranking), PairwiseAuc(sample, &variance), 1e-12);
    const Interval interval = AucInterval(ranking);
    const double half = 1.959963984540054 * std::sqrt(variance);
    EXPECT_NEAR(interval.low, std::max(0.0, Auc(ranking) - half), 1e-9);
    EXPECT_NEAR(interval.high, std::min(1.0, Auc(ranking) + half), 1e-9);
  }
}

TEST(Metrics, IntervalHoldsTheTrueAucAboutNineteenTimesInTwenty) {
  // P(positive) = score, score uniform on (0, 1): AUC = 5/6.
  int held = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    const Interval interval = AucInterval(Rank(RandomSample(seed, 300, 1u << 20)));
    held += interval.low <= 5.0 / 6 && 5.0 / 6 <= interval.high ? 1 : 0;
  }
  EXPECT_GE(held, 364);
  EXPECT_LE(held, 394);
}

TEST(Metrics, OrderIsAllThatRankingSees) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Sample sample = RandomSample(seed, 200, 40);
    const Ranking before = Rank(sample);
    for (float& score : sample.scores) score = std::exp(3 * score) - 7;
    const Ranking after = Rank(sample);
    EXPECT_DOUBLE_EQ(Auc(before), Auc(after));
    EXPECT_DOUBLE_EQ(AucInterval(before).low, AucInterval(after).low);
    EXPECT_DOUBLE_EQ(KolmogorovSmirnov(before).distance, KolmogorovSmirnov(after).distance);
    EXPECT_DOUBLE_EQ(AveragePrecision(before), AveragePrecision(after));
    for (float& score : sample.scores) score = -score;
    EXPECT_NEAR(Auc(Rank(sample)), 1 - Auc(before), 1e-12);
  }
}

TEST(Metrics, RocIsThinnedAndKeepsItsArea) {
  const Ranking ranking = Rank(RandomSample(3, 20000, 1u << 20));
  const std::vector<RocPoint> curve = RocCurve(ranking, 200);
  ASSERT_LE(curve.size(), 200u);
  EXPECT_EQ(curve.front().true_positive_rate, 0.0);
  EXPECT_EQ(curve.back().false_positive_rate, 1.0);
  EXPECT_EQ(curve.back().true_positive_rate, 1.0);
  double area = 0;
  for (size_t i = 1; i < curve.size(); ++i) {
    const double width = curve[i].false_positive_rate - curve[i - 1].false_positive_rate;
    EXPECT_GE(width, 0.0);
    area += width * (curve[i].true_positive_rate + curve[i - 1].true_positive_rate) / 2;
  }
  EXPECT_NEAR(area, Auc(ranking), 1e-3);
}

TEST(Metrics, TablesCountEveryRowOnce) {
  const Ranking ranking = Rank(RandomSample(5, 5003, 1u << 20));
  const auto calibration = CalibrationTable(ranking, 10);
  ASSERT_EQ(calibration.size(), 10u);
  uint64_t rows = 0;
  for (const ScoreBin& bin : calibration) {
    rows += bin.rows;
    EXPECT_NEAR(static_cast<double>(bin.rows), 500.3, 1.0);
    EXPECT_LE(bin.low, bin.mean_score);
    EXPECT_LE(bin.mean_score, bin.high);
    EXPECT_NEAR(bin.mean_score, bin.Rate(), 0.1);  // scores are the true probabilities
  }
  EXPECT_EQ(rows, 5003u);
  const auto lift = LiftTable(ranking, 10);
  EXPECT_GT(lift.front().lift, lift.back().lift);
  EXPECT_DOUBLE_EQ(lift.back().captured, 1.0);
  EXPECT_DOUBLE_EQ(lift.back().cumulative_lift, 1.0);
}

TEST(Metrics, TablesByHand) {
  const auto calibration = CalibrationTable(Rank(kGolden), 4);
  ASSERT_EQ(calibration.size(), 4u);
  EXPECT_EQ(calibration[1].rows, 3u);
  EXPECT_EQ(calibration[1].positives, 1u);
  EXPECT_NEAR(calibration[1].mean_score, 0.7 / 3, 1e-7);
  EXPECT_NEAR(calibration[1].Rate(), 1.0 / 3, 1e-12);
  const auto lift = LiftTable(Rank(kGolden), 4);
  EXPECT_NEAR(lift[0].lift, (2.0 / 3) / (5.0 / 12), 1e-12);
  EXPECT_NEAR(lift[1].captured, 4.0 / 5, 1e-12);
}

TEST(Metrics, LogLossOfCertainAndWrongIsFinite) {
  EXPECT_NEAR(LogLoss(Rank({{0, 1}, {1, 0}})), -std::log(1e-15), 0.1);
}

// By hand: four rows, the constant 1/4, the model right about each: losses -ln 0.9 against -ln 0.25
// once and -ln 0.75 three times.
TEST(Metrics, TheConstantIsComparedRowByRow) {
  const Ranking ranking = Rank({{1, 0, 0, 0}, {.9F, .1F, .1F, .1F}});
  const AgainstConstant constant = CompareWithConstant(ranking, 0.25);
  EXPECT_NEAR(constant.logloss, -(std::log(0.25) + 3 * std::log(0.75)) / 4, 1e-12);
  const double gain = std::log(0.9 / 0.25);
  const double other = std::log(0.9 / 0.75);
  const double mean = (gain + 3 * other) / 4;
  const double squares = (gain - mean) * (gain - mean) + 3 * (other - mean) * (other - mean);
  EXPECT_NEAR(constant.error, std::sqrt(squares / 4 / 3), 1e-6);
  EXPECT_NEAR(MeanPredicted(ranking), 0.3, 1e-7);
}

TEST(Metrics, WhoPredictsTheRateIsTheConstant) {
  const AgainstConstant constant = CompareWithConstant(Rank({{1, 0}, {.5F, .5F}}), 0.5);
  EXPECT_EQ(constant.error, 0.0);
  EXPECT_NEAR(constant.logloss, std::log(2.0), 1e-12);
}

absl::StatusOr<Figures> JudgeBinary(std::span<const float> labels, std::span<const float> scores) {
  constexpr std::array kEven = {0.5};
  return Evaluate(BinaryTarget(),
                  {.labels = labels, .predictions = scores, .offsets = {}, .constant = kEven});
}

TEST(Evaluation, HasEveryFigureThatTheTargetNames) {
  const auto figures = *JudgeBinary(kGolden.labels, kGolden.scores);
  for (const MetricSpec& metric : BinaryTarget::kMetrics) {
    figures.at(metric.name);  // or it ends here
  }
  EXPECT_EQ(SkillOf(BinaryTarget(), figures), figures.at("auc"));
  const std::map<std::string, double> told = {{"auc", figures.at("auc")},
                                              {"logloss", figures.at("logloss")}};
  Batch rows;
  rows.rows = kGolden.labels.size();
  rows.labels.assign(kGolden.labels.begin(), kGolden.labels.end());
  rows.weights.assign(rows.rows, 1.0F);
  constexpr std::array kEven = {0.5};
  const auto progress =
      JudgeProgress(BinaryTarget(), BatchDataset(std::move(rows)), kGolden.scores, kEven);
  ASSERT_TRUE(progress.ok()) << progress.status();
  EXPECT_EQ(*progress, told);
}

TEST(Evaluation, SaysWhatIsWrongInsteadOfNaN) {
  for (const float label : {0.0f, 1.0f}) {
    const std::vector<float> labels(3, label);
    const absl::Status status = JudgeBinary(labels, labels).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_NE(status.message().find("both classes"), absl::string_view::npos);
  }
  EXPECT_FALSE(JudgeBinary({}, {}).ok());
  const std::vector<float> labels = {0, 1};
  const std::vector<float> diverged = {0.5f, std::nanf("")};
  EXPECT_NE(JudgeBinary(labels, diverged).status().message().find("row 1 is not finite"),
            absl::string_view::npos);
}

TEST(Evaluation, JsonHasTheNamesScriptsRelyOn) {
  const auto evaluation = JudgeBinary(kGolden.labels, kGolden.scores);
  ASSERT_TRUE(evaluation.ok());
  const std::string json = FormatFigures(*evaluation);
  EXPECT_EQ(json.find(R"({"rows":12,"positives":5,"auc":0.8)"), 0u) << json;
  for (const char* name : {"auc_low", "auc_high", "gini", "ks", "ks_cut", "logloss",
                           "constant_logloss", "logloss_error", "brier", "pr_auc", "calibration",
                           "lift", "roc", "mean_predicted", "observed", "captured", "fpr", "tpr"}) {
    EXPECT_NE(json.find(absl::StrCat("\"", name, "\":")), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace rubato
