// Metrics of predictions in device memory against those of worker/evaluate.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "common/base/env.h"
#include "tests/worker/compute/cuda/cuda_fixture.h"
#include "worker/compute/cuda/kernels/metrics.h"
#include "worker/compute/cuda/kernels/roc_area.h"
#include "worker/evaluate/metrics.h"
#include "worker/evaluate/ranking.h"

namespace rubato {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Predictions on the host, of both classes.
struct Rows {
  std::vector<float> label, probability, weight;
  // `levels` different probabilities, 0 and 1 among them.
  Rows(size_t rows, uint64_t levels, Rng* rng) {
    for (size_t i = 0; i < rows; ++i) {
      const double p = static_cast<double>(rng->Below(levels)) / static_cast<double>(levels - 1);
      probability.push_back(static_cast<float>(p));
      label.push_back(i < 2 ? static_cast<float>(i) : rng->Chance(0.1 + 0.8 * p) ? 1.0F : 0.0F);
      weight.push_back(static_cast<float>(rng->Uniform()));
    }
  }
  // Rows of NaN behind the others.
  Rows PaddedTo(size_t rows) const {
    Rows padded = *this;
    for (auto* column : {&padded.label, &padded.probability, &padded.weight}) {
      column->resize(rows, kNan);
    }
    return padded;
  }
};

// What is said of predictions beside themselves.
struct Given {
  const BatchCounts* filled = nullptr;
  bool weighted = false;
};

class MetricsTest : public CudaTest {
 protected:
  PredictionSums Sums(const Rows& rows, const Given& given = {}) {
    const Uploaded at(this, rows);
    DeviceArray<double> partials =
        Upload(std::vector<double>(PredictionPartials(rows.label.size()), std::nan("")));
    DeviceArray<PredictionSums> sums = Unwritten<PredictionSums>(1);
    const absl::Status status =
        SumPredictions(stream(), at.View(given), partials.data(), sums.data());
    EXPECT_TRUE(status.ok()) << status;
    return Download(sums)[0];
  }
  RocAreaResult Area(const Rows& rows, const Given& given = {}) {
    const Uploaded at(this, rows);
    absl::StatusOr<RocArea> area = RocArea::Make(rows.label.size());
    EXPECT_TRUE(area.ok()) << area.status();
    DeviceArray<RocAreaResult> result = Unwritten<RocAreaResult>(1);
    const absl::Status status = area->Compute(stream(), at.View(given), result.data());
    EXPECT_TRUE(status.ok()) << status;
    return Download(result)[0];
  }

  // Predictions on the device.
  struct Uploaded {
    Uploaded(MetricsTest* test, const Rows& rows)
        : label(test->Upload(rows.label)),
          probability(test->Upload(rows.probability)),
          weight(test->Upload(rows.weight)) {}
    Predictions View(const Given& given) const {
      return {.rows = label.size(),
              .filled = given.filled,
              .label = label.data(),
              .probability = probability.data(),
              .weight = given.weighted ? weight.data() : nullptr};
    }
    DeviceArray<float> label, probability, weight;
  };
};

// Sums in double precision, in another order and with another logarithm: 1e-12 of the sum is far
// above the rounding of 300,000 additions that are spread over 262,144 threads.
void ExpectSum(double got, double expected) {
  EXPECT_NEAR(got, expected, 1e-12 * std::abs(expected) + 1e-300);
}

TEST_F(MetricsTest, SumsAreThoseOfTheAnalysis) {
  const uint64_t seed = RandomSeed();
  Rng rng(seed);
  for (const size_t size : {2U, 255U, 1000U, 300'001U}) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", rows " << size);
    const Rows rows(size, 500, &rng);
    const absl::StatusOr<Ranking> ranking = RankScores(rows.label, rows.probability);
    ASSERT_TRUE(ranking.ok()) << ranking.status();
    const PredictionSums sums = Sums(rows);
    EXPECT_EQ(sums.weight, static_cast<double>(ranking->rows()));
    EXPECT_EQ(sums.positives, static_cast<double>(ranking->positives));
    ExpectSum(sums.log_loss, LogLoss(*ranking) * sums.weight);
    ExpectSum(sums.brier, Brier(*ranking) * sums.weight);
  }
}

TEST_F(MetricsTest, SumsAreWeightedAndLeavePaddingOut) {
  const uint64_t seed = RandomSeed();
  SCOPED_TRACE(seed);
  Rng rng(seed);
  const Rows rows(700, 1000, &rng);
  PredictionSums expected;
  for (size_t i = 0; i < rows.label.size(); ++i) {
    const double weight{rows.weight[i]};
    const double p{rows.probability[i]};
    const double y{rows.label[i]};
    expected.weight += weight;
    expected.positives += weight * y;
    const double kept = std::clamp(p, 1e-15, 1.0 - 1e-15);
    expected.log_loss -= weight * std::log(y > 0.0 ? kept : 1.0 - kept);
    expected.brier += weight * (y - p) * (y - p);
  }
  const DeviceArray<BatchCounts> filled = Upload<BatchCounts>({{.rows = 700}});
  const PredictionSums sums =
      Sums(rows.PaddedTo(1024), {.filled = filled.data(), .weighted = true});
  ExpectSum(sums.weight, expected.weight);
  ExpectSum(sums.positives, expected.positives);
  ExpectSum(sums.log_loss, expected.log_loss);
  ExpectSum(sums.brier, expected.brier);
}

TEST_F(MetricsTest, SumsOfNothingAreZeroAndOfNoNumberNone) {
  Rng rng(1);
  const DeviceArray<BatchCounts> none = Upload<BatchCounts>({{.rows = 0}});
  const PredictionSums zero = Sums(Rows(2, 9, &rng).PaddedTo(10), {.filled = none.data()});
  EXPECT_EQ(zero.weight, 0.0);
  EXPECT_EQ(zero.positives, 0.0);
  EXPECT_EQ(zero.log_loss, 0.0);
  EXPECT_EQ(zero.brier, 0.0);
  Rows broken(10, 9, &rng);
  broken.probability[3] = kNan;
  EXPECT_TRUE(std::isnan(Sums(broken).log_loss));
  EXPECT_TRUE(std::isnan(Sums(broken).brier));
}

// Whole numbers but for one correctly rounded division, here and there.
TEST_F(MetricsTest, AreaIsThatOfTheAnalysisToTheBit) {
  const uint64_t seed = RandomSeed();
  Rng rng(seed);
  // Groups within a warp, over several stretches of rows, and of all rows; rows that are no
  // multiple of a warp, and more than a warp to a stretch.
  for (const uint64_t levels : {2U, 7U, 1'000'000U}) {
    for (const size_t size : {2U, 31U, 33U, 1000U, 9'000U}) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", rows " << size << ", " << levels);
      const Rows rows(size, levels, &rng);
      const absl::StatusOr<Ranking> ranking = RankScores(rows.label, rows.probability);
      ASSERT_TRUE(ranking.ok()) << ranking.status();
      const RocAreaResult result = Area(rows);
      EXPECT_EQ(result.positives, static_cast<int64_t>(ranking->positives));
      EXPECT_EQ(result.negatives, static_cast<int64_t>(ranking->negatives));
      EXPECT_EQ(result.not_finite, 0);
      EXPECT_EQ(result.area, Auc(*ranking));
    }
  }
  const Rows many(300'001, 1000, &rng);
  EXPECT_EQ(Area(many).area, Auc(*RankScores(many.label, many.probability))) << seed;
}

TEST_F(MetricsTest, AreaOfEqualScoresIsOneHalfAndOfSortedOnesOneOrZero) {
  Rng rng(1);
  Rows rows(1000, 2, &rng);
  rows.probability.assign(1000, -3.5F);
  EXPECT_EQ(Area(rows).area, 0.5);
  for (size_t i = 0; i < 1000; i += 2) rows.probability[i] = i % 4 == 0 ? 0.0F : -0.0F;
  for (size_t i = 1; i < 1000; i += 2) rows.probability[i] = i % 4 == 1 ? 0.0F : -0.0F;
  EXPECT_EQ(Area(rows).area, 0.5);  // the two zeros are equal
  rows.probability = rows.label;
  EXPECT_EQ(Area(rows).area, 1.0);
  for (float& score : rows.probability) score = -1e30F * score;
  EXPECT_EQ(Area(rows).area, 0.0);
}

TEST_F(MetricsTest, AreaIsUnknownWithoutBothClassesOrWithScoresThatAreNotFinite) {
  Rng rng(1);
  Rows rows(100, 50, &rng);
  for (const float score : {kNan, -kNan, kInfinity, -kInfinity}) {
    Rows broken = rows;
    broken.probability[40] = broken.probability[41] = score;
    const RocAreaResult result = Area(broken);
    EXPECT_TRUE(std::isnan(result.area)) << score;
    EXPECT_EQ(result.not_finite, 2) << score;
    EXPECT_EQ(result.positives + result.negatives, 100);
  }
  rows.label.assign(100, 1.0F);
  EXPECT_TRUE(std::isnan(Area(rows).area));
  EXPECT_EQ(Area(rows).positives, 100);
}

// One captured graph takes every number of rows; the same rows give the same bits.
TEST_F(MetricsTest, AGraphFitsEveryFilling) {
  const uint64_t seed = RandomSeed();
  SCOPED_TRACE(seed);
  Rng rng(seed);
  constexpr uint32_t kRoom = 3000;
  absl::StatusOr<RocArea> area = RocArea::Make(kRoom);
  ASSERT_TRUE(area.ok()) << area.status();
  Uploaded at(this, Rows(kRoom, 2, &rng));
  DeviceArray<BatchCounts> filled = Unwritten<BatchCounts>(1);
  DeviceArray<double> partials = Unwritten<double>(PredictionPartials(kRoom));
  DeviceArray<RocAreaResult> result = Unwritten<RocAreaResult>(1);
  DeviceArray<PredictionSums> sums = Unwritten<PredictionSums>(1);
  const Predictions predictions = at.View({.filled = filled.data()});
  const absl::StatusOr<Graph> graph = Graph::Capture(stream(), [&](StreamView captured) {
    RETURN_IF_ERROR(SumPredictions(captured, predictions, partials.data(), sums.data()));
    return area->Compute(captured, predictions, result.data());
  });
  ASSERT_TRUE(graph.ok()) << graph.status();
  for (const uint32_t size : {kRoom, 2U, 2999U}) {
    const Rows rows(size, 30, &rng);
    const Rows padded = rows.PaddedTo(kRoom);
    Overwrite(filled, {BatchCounts{.rows = size}});
    Overwrite(at.label, padded.label);
    Overwrite(at.probability, padded.probability);
    const absl::StatusOr<Ranking> ranking = RankScores(rows.label, rows.probability);
    ASSERT_TRUE(ranking.ok()) << ranking.status();
    ASSERT_TRUE(graph->Launch(stream()).ok());
    const PredictionSums first = Download(sums)[0];
    EXPECT_EQ(Download(result)[0].area, Auc(*ranking));
    ExpectSum(first.log_loss, LogLoss(*ranking) * size);
    ASSERT_TRUE(graph->Launch(stream()).ok());
    EXPECT_EQ(Download(sums)[0].log_loss, first.log_loss);
  }
}

}  // namespace
}  // namespace rubato
