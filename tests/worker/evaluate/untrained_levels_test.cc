// A level that training never saw scores near the mean, for every model kind and seed.
#include "worker/evaluate/untrained_levels.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "common/base/env.h"
#include "gtest/gtest.h"
#include "tests/worker/compute/cpu/make_model.h"
#include "tests/worker/compute/cpu/reference_training.h"

namespace rubato {
namespace {

// Default rates of the levels.
constexpr double kRates[] = {0.01, 0.02, 0.03, 0.04, 0.06, 0.1};
constexpr size_t kLevels = std::size(kRates);

// Two categories; the rates are those of the first. Training saw all levels, and none missing.
Encoding Book() {
  Encoding encoding;
  encoding.numeric.push_back({.name = "x"});
  for (const char* name : {"grade", "region"}) {
    CategoryEncoding column;
    column.name = name;
    column.rows = {0, 0};
    for (size_t i = 0; i < kLevels; ++i) {
      column.levels.push_back(absl::StrCat(i));
      column.rows.push_back(100);
    }
    encoding.categories.push_back(column);
  }
  return encoding;
}

void AddRow(const DatasetShape& shape, uint64_t level, uint64_t region, Rng* rng, Batch* batch) {
  ++batch->rows;
  batch->numeric.push_back(static_cast<float>(rng->Normal()));
  batch->categories.push_back(static_cast<uint32_t>(level));
  batch->categories.push_back(static_cast<uint32_t>(shape.level_begin[1] + region));
  const bool known = level >= kReservedLevels;
  const bool positive = known && rng->Chance(kRates[level - kReservedLevels]);
  batch->labels.push_back(positive ? 1.0F : 0.0F);
  batch->weights.push_back(1.0F);
}

Batch Empty(const DatasetShape& shape) {
  Batch batch;
  batch.numeric_columns = shape.numeric_columns;
  batch.category_columns = shape.category_columns;
  return batch;
}

class UntrainedLevel : public testing::TestWithParam<const char*> {
 protected:
  // Mean score over many rows of each level of the first category, "other" and missing first.
  std::vector<double> Scores(uint64_t seed) const {
    const Encoding encoding = Book();
    const DatasetShape shape = encoding.Shape();
    RunConfig config;
    config.model.kind = GetParam();
    config.optimizer.kind = "adam";
    config.optimizer.learning_rate = 0.01;
    const auto model = *MakeModel(config, shape);
    ReferenceTraining training(model.get(), seed);
    Rng rng(seed);
    for (int step = 0; step < 500; ++step) {
      Batch batch = Empty(shape);
      for (int i = 0; i < 64; ++i) {
        AddRow(shape, kReservedLevels + rng.Below(kLevels), kReservedLevels + rng.Below(kLevels),
               &rng, &batch);
      }
      training.Step(batch);
    }
    const PullRows pull = PullFilled({encoding, model->spec()}, [&](Parameters keys) {
      return absl::StatusOr<Parameters>(training.Read(std::move(keys)));
    });
    return ScoresOf(shape, model.get(), pull);
  }

  static std::vector<double> ScoresOf(const DatasetShape& shape, Model* model,
                                      const PullRows& pull) {
    std::vector<double> scores;
    for (uint64_t level = 0; level < kReservedLevels + kLevels; ++level) {
      Rng rng(1);
      Batch batch = Empty(shape);
      for (int i = 0; i < 200; ++i) {
        AddRow(shape, level, kReservedLevels + rng.Below(kLevels), &rng, &batch);
      }
      KnownWeights known(model->tables(), pull);
      Parameters rows;
      model->FindKeys(batch, &rows);
      EXPECT_TRUE(known.Fill(&rows).ok());
      std::vector<float> probability(batch.rows);
      EXPECT_TRUE(model->Predict(batch, rows, probability).ok());
      scores.push_back(std::accumulate(probability.begin(), probability.end(), 0.0) /
                       static_cast<double>(batch.rows));
    }
    return scores;
  }
};

TEST_P(UntrainedLevel, ScoresNearTheMeanOfTheKnownOnes) {
  const double mean = std::accumulate(std::begin(kRates), std::end(kRates), 0.0) / kLevels;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const std::vector<double> scores = Scores(seed);
    for (const uint64_t level : {kOtherLevel, kMissingLevel}) {
      const auto known = std::minmax_element(scores.begin() + kReservedLevels, scores.end());
      EXPECT_GT(scores[level], *known.first) << seed;
      EXPECT_LT(scores[level], *known.second) << seed;
      EXPECT_NEAR(scores[level], mean, 0.03) << seed;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(ModelKinds, UntrainedLevel,
                         testing::Values("linear", "mlp", "wide_deep", "deepfm"));

ModelSpec LinearSpec(const Encoding& encoding) {
  RunConfig config;
  config.model.kind = "linear";
  const absl::StatusOr<ModelSpec> spec = MakeModelSpec(config, encoding.Shape());
  CHECK(spec.ok());
  return *spec;
}

TEST(UntrainedLevels, TrainedOnesStayAsTheyAre) {
  Encoding encoding = Book();
  encoding.categories[0].rows[kOtherLevel] = kTrainedRows;
  encoding.categories[0].rows[kMissingLevel] = kTrainedRows - 1;
  encoding.categories[0].rows[2] = 300;  // of 800
  const UntrainedLevels untrained(encoding, LinearSpec(encoding));
  Parameters rows(2);                     // weights, bias
  rows[0].keys = {RowKey(1), RowKey(2)};  // behind x: other, missing
  untrained.AddKeys(&rows);
  ASSERT_EQ(rows[0].keys.size(), 2 + kLevels);
  rows[0].values = {7, 7, 8, 0, 0, 0, 0, 16};
  untrained.Fill(&rows);
  EXPECT_EQ(rows[0].values[0], 7.0F);
  EXPECT_FLOAT_EQ(rows[0].values[1], 7.0F * 5 / 805 + 8.0F * 300 / 805 + 16.0F * 100 / 805);
}

TEST(UntrainedLevels, WhereAllLevelsAreRareMissingIsAsTheyAre) {
  Encoding encoding;
  encoding.categories.push_back({.name = "town", .levels = {}, .rows = {90, 0}});
  const UntrainedLevels untrained(encoding, LinearSpec(encoding));
  Parameters rows(2);  // weights, bias
  rows[0].keys = {RowKey(1)};
  untrained.AddKeys(&rows);
  ASSERT_EQ(rows[0].keys, (std::vector<RowKey>{RowKey(0), RowKey(1)}));
  rows[0].values = {7, 8};
  untrained.Fill(&rows);
  EXPECT_EQ(rows[0].values[1], 7.0F);
}

}  // namespace
}  // namespace rubato
