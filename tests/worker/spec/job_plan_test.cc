// What a run file and its data say of memory before anything is started.
#include "worker/spec/job_plan.h"

#include <gtest/gtest.h>

namespace rubato {
namespace {

constexpr uint64_t kRow = sizeof(RowKey) + sizeof(float);  // of a linear model

// A linear model on three numeric columns and one with 100 levels, in batches of 10.
class MemoryOfAJob : public ::testing::Test {
 protected:
  MemoryOfAJob() {
    config_.model.kind = "linear";
    config_.fleet.workers = 1;
    config_.train.batch = 10;
    config_.train.epochs = 1;
    shape_.numeric_columns = 3;
    shape_.category_columns = 1;
    shape_.levels = 100;
    shape_.level_begin = {0, 100};
  }
  Job Make(uint64_t train_rows) {
    absl::StatusOr<Job> job =
        MakeJob(config_, shape_, {}, {.train = train_rows, .iteration = IterationRows(config_)});
    EXPECT_TRUE(job.ok()) << job.status();
    return job.ok() ? *job : Job{};
  }

  RunConfig config_;
  DatasetShape shape_;
};

TEST_F(MemoryOfAJob, AnIterationHasTheFeaturesOfItsBatchAndTheDenseBlocks) {
  EXPECT_EQ(Make(1000).iteration_bytes, 1 + (3 + 10) * kRow + kRow);  // and the bias
  config_.train.batch = 1000;
  EXPECT_EQ(Make(1000).iteration_bytes, 1 + (3 + 100) * kRow + kRow) << "each level once";
}

TEST_F(MemoryOfAJob, NoTableHasMoreRowsThanThereAreKeysOrThanTheDataHasFeatures) {
  EXPECT_EQ(Make(1000).feature_keys, 103u);
  EXPECT_EQ(Make(20).feature_keys, 23u);
}

TEST_F(MemoryOfAJob, OfSparseRowsOnlyTheirLargestKeyIsKnown) {
  shape_ = {};
  shape_.level_begin = {0};
  shape_.sparse_keys = 4'000'000;
  EXPECT_EQ(Make(1'000'000).feature_keys, 4'000'000u);
  EXPECT_EQ(Make(1000).feature_keys, 1'024'000u) << "of few rows they cannot all be there";
  EXPECT_EQ(Make(1000).iteration_bytes, 1 + 10 * 1024 * kRow + kRow);
  shape_.sparse_keys = 5'000'000;
  EXPECT_EQ(Make(1000).feature_keys, 0u) << "hashes, of which nobody knows how many are met";
}

}  // namespace
}  // namespace rubato
