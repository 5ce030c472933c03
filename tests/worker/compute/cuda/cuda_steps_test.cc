// What a steady step costs in calls, counted by the emulator: no allocation, one graph, and no wait
// but for the keys, which the network needs, and for the gradients.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <utility>

#include "tests/cuda_emulator/emulator.h"
#include "tests/worker/compute/cpu/random_batch.h"
#include "tests/worker/compute/cuda/gpu_model.h"
#include "worker/compute/cuda/device/gpus.h"
#include "worker/compute/cuda/network/engine.h"
#include "worker/compute/cuda/network/gpu_pipeline.h"
#include "worker/compute/cuda/network/local_training_on_gpu.h"

namespace rubato {
namespace {

using emulator::Counts;
using emulator::CountsSoFar;

class CudaStepsTest : public testing::Test {
 protected:
  CudaStepsTest() {
    config_.model = {.kind = "deepfm", .hidden = {8}, .embedding_dim = 4};
    config_.train.batch = 32;
  }
  Batch NextBatch(size_t rows = 32) { return RandomBatch(shape_, {.rows = rows}, &rng_); }
  GpuModel Request() { return GpuModelOf(config_, shape_); }

  void StepPipeline(GpuPipeline* pipeline) {
    Parameters rows;
    ASSERT_TRUE(pipeline->Prepare(batch_, &rows).ok());
    for (size_t t = 0; t < rows.size(); ++t) {
      rows[t].values.assign(rows[t].keys.size() * pipeline->tables()[t].dim, 0.1F);
    }
    ASSERT_TRUE(pipeline->Begin(std::move(rows)).ok());
    Parameters gradients;
    ASSERT_TRUE(pipeline->Finish(&gradients).ok());
  }

  static void ExpectNoAllocation(const Counts& before, const Counts& after) {
    EXPECT_EQ(after.device_allocations, before.device_allocations);
    EXPECT_EQ(after.pinned_allocations, before.pinned_allocations);
  }

  DatasetShape shape_ = MakeShape(3, {6, 2}, 20);
  RunConfig config_;
  Rng rng_{3};
  Batch batch_ = NextBatch();
};

TEST_F(CudaStepsTest, ASteadyPipelineAllocatesNothingAndWaitsTwice) {
  PinnedPool pool;
  auto pipeline = GpuPipeline::Make(Request(), &pool);
  ASSERT_TRUE(pipeline.ok()) << pipeline.status();
  for (int i = 0; i < 3; ++i) StepPipeline(pipeline->get());
  const Counts before = CountsSoFar();
  for (int i = 0; i < 10; ++i) StepPipeline(pipeline->get());
  const Counts after = CountsSoFar();
  ExpectNoAllocation(before, after);
  EXPECT_EQ(after.graph_launches - before.graph_launches, 10u);
  EXPECT_EQ(after.waits - before.waits, 20u);
}

TEST_F(CudaStepsTest, ASteadyLocalStepWaitsOnlyForItsTurn) {
  auto training = MakeLocalTrainingOnGpu(Request());
  ASSERT_TRUE(training.ok()) << training.status();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE((*training)->Step(batch_).ok());
  const Counts before = CountsSoFar();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE((*training)->Step(batch_).ok());
  const Counts after = CountsSoFar();
  ExpectNoAllocation(before, after);
  EXPECT_EQ(after.graph_launches - before.graph_launches, 10u);
  EXPECT_EQ(after.kernels, before.kernels) << "all are in the graph";
  EXPECT_EQ(after.waits - before.waits, 10u) << "for the step before the last";
}

TEST_F(CudaStepsTest, AllIsGivenBack) {
  const Counts before = CountsSoFar();
  {
    PinnedPool pool;
    auto pipeline = GpuPipeline::Make(Request(), &pool);
    ASSERT_TRUE(pipeline.ok()) << pipeline.status();
    Parameters keys;
    ASSERT_TRUE((*pipeline)->Prepare(NextBatch(2), &keys).ok());
    ASSERT_TRUE((*pipeline)->Prepare(NextBatch(30), &keys).ok());
    keys.clear();
  }
  EXPECT_EQ(CountsSoFar().live_allocations, before.live_allocations);
}

TEST_F(CudaStepsTest, MemoryIsForTheRowsOfBatchesAndNotForTrainBatch) {
  const auto bytes_for = [this](int64_t train_batch) {
    config_.train.batch = train_batch;
    const Counts before = CountsSoFar();
    PinnedPool pool;
    auto pipeline = GpuPipeline::Make(Request(), &pool);
    auto training = MakeLocalTrainingOnGpu(Request());
    EXPECT_TRUE(pipeline.ok() && training.ok()) << pipeline.status() << training.status();
    StepPipeline(pipeline->get());
    EXPECT_TRUE((*training)->Step(batch_).ok());
    return CountsSoFar().live_bytes - before.live_bytes;
  };
  EXPECT_EQ(bytes_for(1 << 20), bytes_for(32));
}

TEST_F(CudaStepsTest, AModelThatDoesNotFitIsASentence) {
  const Counts before = CountsSoFar();
  emulator::SetMemoryLimit(before.live_bytes + (size_t{48} << 20));
  config_.model.hidden = {4096, 4096};
  const auto training = MakeLocalTrainingOnGpu(Request());
  emulator::SetMemoryLimit(size_t{16} << 30);
  ASSERT_FALSE(training.ok());
  EXPECT_EQ(training.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(training.status().message().find("out of GPU memory: "), absl::string_view::npos)
      << training.status();
  EXPECT_EQ(CountsSoFar().live_allocations, before.live_allocations);
}

// A fuller batch asks for room while others are in flight.
TEST_F(CudaStepsTest, GrowthThatDoesNotFitIsASentenceAndGivesAllBack) {
  const Counts before = CountsSoFar();
  {
    PinnedPool pool;
    auto pipeline = GpuPipeline::Make(Request(), &pool);
    ASSERT_TRUE(pipeline.ok()) << pipeline.status();
    Parameters rows;
    ASSERT_TRUE((*pipeline)->Prepare(batch_, &rows).ok());
    for (size_t t = 0; t < rows.size(); ++t) {
      rows[t].values.assign(rows[t].keys.size() * (*pipeline)->tables()[t].dim, 0.1F);
    }
    ASSERT_TRUE((*pipeline)->Begin(std::move(rows)).ok());
    emulator::SetMemoryLimit(CountsSoFar().live_bytes + (size_t{1} << 16));
    Parameters keys;
    const absl::Status status = (*pipeline)->Prepare(NextBatch(5000), &keys);
    emulator::SetMemoryLimit(size_t{16} << 30);
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_NE(status.message().find("use a smaller train.batch"), absl::string_view::npos)
        << status;
    // What was in flight is as before.
    Parameters gradients;
    EXPECT_TRUE((*pipeline)->Finish(&gradients).ok());
    StepPipeline(pipeline->get());
  }
  EXPECT_EQ(CountsSoFar().live_allocations, before.live_allocations);
}

TEST_F(CudaStepsTest, AHostWithoutAGpuSaysSo) {
  emulator::SetDeviceCount(0);
  const auto none = FindGpus();
  emulator::SetDeviceCount(3);
  const auto three = FindGpus();
  emulator::SetDeviceCount(1);
  EXPECT_EQ(none.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(none.status().message().find("no NVIDIA GPU answers ("), absl::string_view::npos);
  ASSERT_TRUE(three.ok()) << three.status();
  EXPECT_EQ(three->size(), 3u);
}

// To open a GPU takes some hundred MiB of it.
TEST_F(CudaStepsTest, AWorkerOpensNoGpuButItsOwn) {
  emulator::SetDeviceCount(3);
  int open = -1;
  std::thread([&open] {
    EXPECT_TRUE(FindGpus().ok());
    EXPECT_EQ(cudaGetDevice(&open), cudaSuccess);
  }).join();
  EXPECT_EQ(open, 0) << "what a thread has that chose none";
  PinnedPool pool(2);
  // The network's thread, where pulled rows are put.
  std::thread([&] {
    const Floats rows(10, UninitializedAllocator<float>(&pool));
    EXPECT_EQ(cudaGetDevice(&open), cudaSuccess);
  }).join();
  EXPECT_EQ(open, 2);
  emulator::SetDeviceCount(1);
}

TEST_F(CudaStepsTest, RoomGrowsByHalf) {
  const BatchShape now{.counts = {.rows = 100, .columns = 2, .sparse = 50}, .has_sparse = true};
  Batch batch;
  batch.rows = 100;
  batch.keys.resize(50);
  EXPECT_EQ(Grown(now, batch), now);
  batch.keys.resize(51);
  EXPECT_EQ(Grown(now, batch).counts.sparse, 75u);
  EXPECT_EQ(Grown(now, batch).counts.rows, 100u);
  batch.rows = 1000;
  EXPECT_EQ(Grown(now, batch).counts.rows, 1000u);
}

}  // namespace
}  // namespace rubato
