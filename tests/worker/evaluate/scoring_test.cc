// Whole data sets scored chunk by chunk from rows that were pulled once.
#include "worker/evaluate/scoring.h"

#include <memory>
#include <set>

#include "gtest/gtest.h"
#include "tests/worker/compute/cpu/make_model.h"
#include "tests/worker/compute/cpu/random_batch.h"
#include "tests/worker/evaluate/batch_dataset.h"

namespace rubato {
namespace {

const GoOn kGoOn = [] { return absl::OkStatus(); };

constexpr uint64_t kLevels = 50;
constexpr uint64_t kRows = 2 * kScoringRows + 3;  // three chunks, the last one short

class ScoringTest : public testing::Test {
 protected:
  static std::unique_ptr<Model> MakeLinear() {
    RunConfig config;
    config.model.kind = "linear";
    auto model = MakeModel(config, MakeShape(0, {kLevels}, 0));
    EXPECT_TRUE(model.ok()) << model.status();
    return *std::move(model);
  }

  Rng rng_{3};
  const std::unique_ptr<Model> model_ = MakeLinear();
  const BatchDataset data_{MakeShape(0, {kLevels}, 0), kRows, &rng_};
};

TEST_F(ScoringTest, AllKeysAreThoseOfEveryChunkSortedAndOnce) {
  Parameters whole;
  model_->FindKeys(data_.all(), &whole);
  const Parameters found = FindAllKeys(*model_, data_, kGoOn).value();
  ASSERT_EQ(found.size(), whole.size());
  for (size_t t = 0; t < found.size(); ++t) EXPECT_EQ(found[t].keys, whole[t].keys);
}

TEST_F(ScoringTest, ScoresAreThoseOfOneBatchThatHoldsAllRows) {
  Parameters all = FindAllKeys(*model_, data_, kGoOn).value();
  RandomValues(model_->tables(), 1.0, &rng_, &all);
  std::vector<float> expected(kRows);
  ASSERT_TRUE(model_->Predict(data_.all(), all, expected).ok());
  EXPECT_EQ(*Score(model_.get(), data_, all, kGoOn), expected);
  EXPECT_GT(std::set<float>(expected.begin(), expected.end()).size(), kLevels / 2);
}

TEST_F(ScoringTest, ScoresAreInTheUnitOfEachRow) {
  DatasetShape shape = MakeShape(0, {kLevels}, 0);
  shape.scales = true;
  const BatchDataset data(shape, kRows, &rng_);
  Parameters all = FindAllKeys(*model_, data, kGoOn).value();
  RandomValues(model_->tables(), 1.0, &rng_, &all);
  std::vector<float> expected(kRows);
  ASSERT_TRUE(model_->Predict(data.all(), all, expected).ok());
  for (size_t row = 0; row < kRows; ++row) expected[row] *= data.scales()[row];
  EXPECT_EQ(*Score(model_.get(), data, all, kGoOn), expected);
}

TEST(TakeToOwnUnit, SeveralNumbersOfARowHaveItsScale) {
  Batch batch;
  batch.rows = 2;
  std::vector<float> numbers = {1, 2, 3, 4};
  TakeToOwnUnit(batch, numbers);
  EXPECT_EQ(numbers, (std::vector<float>{1, 2, 3, 4}));
  batch.scales = {2, 10};
  TakeToOwnUnit(batch, numbers);
  EXPECT_EQ(numbers, (std::vector<float>{2, 4, 30, 40}));
}

TEST_F(ScoringTest, SelectedRowsAreTheWantedOnes) {
  Parameters all = FindAllKeys(*model_, data_, kGoOn).value();
  RandomValues(model_->tables(), 1.0, &rng_, &all);
  Parameters wanted = all;
  for (size_t t = 0; t < all.size(); ++t) {
    wanted[t].values.clear();
    wanted[t].keys = {all[t].keys.back()};
  }
  SelectRows(*model_, all, &wanted);
  for (size_t t = 0; t < all.size(); ++t) {
    const size_t dim = model_->tables()[t].dim;
    const Floats last(all[t].values.end() - static_cast<ptrdiff_t>(dim), all[t].values.end());
    EXPECT_EQ(wanted[t].values, last);
  }
}

}  // namespace
}  // namespace rubato
