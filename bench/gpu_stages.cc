#include "bench/gpu_stages.h"

#include <array>
#include <optional>
#include <utility>

#include "bench/gpu_timing.h"
#include "common/base/status.h"
#include "tests/worker/compute/cuda/gpu_model.h"
#include "worker/compute/cuda/kernels/table_rows.h"
#include "worker/compute/cuda/network/device_tables.h"
#include "worker/compute/cuda/network/engine.h"
#include "worker/compute/cuda/network/gpu_batch.h"

namespace rubato {
namespace {

constexpr size_t kBatches = 4;

// A batch on the device, with room for what a step makes of it.
struct LoadedBatch {
  GpuBatch batch;
  DeviceArray<uint32_t> positions;            // [occurrences] rows of the tables
  std::vector<DeviceArray<float>> gradients;  // by table
};

// The step of local mode (worker/compute/cuda/network/local_training_on_gpu.cc) from its parts, so
// that one can be left out.
class StagedStep {
 public:
  absl::Status Allocate(const LocalPlan& plan);
  absl::StatusOr<double> Seconds(Stage left_out);

 private:
  absl::StatusOr<LoadedBatch> Load(const Batch& batch);
  absl::Status PutKeys(StreamView stream, LoadedBatch* loaded);
  absl::Status PutStep(StreamView stream, Stage left_out, LoadedBatch* loaded);

  std::unique_ptr<Engine> engine_;
  std::optional<Stream> stream_;
  std::optional<DeviceTables> tables_;
  DeviceArray<double> loss_;          // [1]
  DeviceArray<LossTotals> totals_;    // [1]
  std::vector<LoadedBatch> batches_;  // [kBatches]
};

absl::Status StagedStep::Allocate(const LocalPlan& plan) {
  const RunConfig& config = plan.workload->config;
  ASSIGN_OR_RETURN(engine_, Engine::Make(GpuModelOf(config, plan.workload->shape)));
  for (const Batch& batch : plan.batches) RETURN_IF_ERROR(engine_->Reserve(batch));
  ASSIGN_OR_RETURN(stream_, Stream::Make());
  ASSIGN_OR_RETURN(tables_, DeviceTables::Make(engine_->shape(),
                                               static_cast<uint64_t>(config.train.seed), *stream_));
  ASSIGN_OR_RETURN(loss_, DeviceArray<double>::Make(1));
  ASSIGN_OR_RETURN(totals_, DeviceArray<LossTotals>::Make(1));
  RETURN_IF_ERROR(ZeroAsync(stream_->view(), loss_.data(), 1));
  RETURN_IF_ERROR(ZeroAsync(stream_->view(), totals_.data(), 1));
  for (size_t i = 0; i < kBatches; ++i) {
    ASSIGN_OR_RETURN(LoadedBatch loaded, Load(plan.batches[i % plan.batches.size()]));
    batches_.push_back(std::move(loaded));
  }
  return stream_->Wait();
}

absl::StatusOr<LoadedBatch> StagedStep::Load(const Batch& batch) {
  const NetworkShape& shape = engine_->shape();
  const uint32_t occurrences = engine_->capacity().counts.occurrences();
  ASSIGN_OR_RETURN(GpuBatch on_gpu, GpuBatch::Make(stream_->view(), shape, engine_->capacity()));
  ASSIGN_OR_RETURN(auto positions, DeviceArray<uint32_t>::Make(occurrences));
  LoadedBatch loaded{
      .batch = std::move(on_gpu), .positions = std::move(positions), .gradients = {}};
  for (size_t t = 0; t < shape.tables().size(); ++t) {
    const size_t floats = shape.Rows(t, occurrences) * shape.tables()[t].dim;
    ASSIGN_OR_RETURN(loaded.gradients.emplace_back(), DeviceArray<float>::Make(floats));
    RETURN_IF_ERROR(ZeroAsync(stream_->view(), loaded.gradients.back().data(), floats));
  }
  RETURN_IF_ERROR(loaded.batch.Upload(stream_->view(), batch));
  RETURN_IF_ERROR(PutKeys(stream_->view(), &loaded));
  RETURN_IF_ERROR(stream_->Wait());
  return loaded;
}

absl::Status StagedStep::PutKeys(StreamView stream, LoadedBatch* loaded) {
  RETURN_IF_ERROR(loaded->batch.FindSegments(stream, &engine_->scratch()->unique));
  return PositionsOfKeys(stream, loaded->batch.occurrence_keys(),
                         engine_->capacity().counts.occurrences(), loaded->positions.data());
}

absl::Status StagedStep::PutStep(StreamView stream, Stage left_out, LoadedBatch* loaded) {
  if (left_out != Stage::kUnique) RETURN_IF_ERROR(PutKeys(stream, loaded));
  StepArrays step{.numeric = loaded->batch.inputs().numeric(),
                  .labels = loaded->batch.inputs().labels(),
                  .weights = loaded->batch.inputs().weights(),
                  .offsets = loaded->batch.inputs().offsets(),
                  .features = loaded->batch.features(),
                  .segments = loaded->batch.segments(),
                  .parameters = {},
                  .gradients = {},
                  .loss = loss_.data()};
  step.features.positions = loaded->positions.data();
  for (size_t t = 0; t < loaded->gradients.size(); ++t) {
    step.parameters.push_back(tables_->weights(t));
    step.gradients.push_back(loaded->gradients[t].data());
  }
  if (left_out != Stage::kNetwork)
    RETURN_IF_ERROR(engine_->scratch()->network->Train(stream, step));
  if (left_out != Stage::kOptimizer) {
    RETURN_IF_ERROR(tables_->Step(stream, engine_->shape(),
                                  {.of_table = &step.gradients,
                                   .segments = step.segments,
                                   .keys = loaded->batch.device_keys()}));
  }
  return AddLoss(stream, loss_.data(), step.features.filled, totals_.data());
}

absl::StatusOr<double> StagedStep::Seconds(Stage left_out) {
  return SecondsOfCall(*stream_, {.calls = 5 * kBatches}, [&](StreamView recorded, size_t call) {
    return PutStep(recorded, left_out, &batches_[call % kBatches]);
  });
}

}  // namespace

const char* StageName(Stage stage) {
  constexpr std::array kNames = {"nothing", "distinct keys", "network", "optimizer"};
  return kNames[static_cast<size_t>(stage)];
}

absl::StatusOr<std::vector<double>> DeviceStepSeconds(const LocalPlan& plan,
                                                      std::span<const Stage> left_out) {
  StagedStep step;
  RETURN_IF_ERROR(step.Allocate(plan));
  std::vector<double> seconds;
  for (const Stage stage : left_out) {
    ASSIGN_OR_RETURN(seconds.emplace_back(), step.Seconds(stage));
  }
  return seconds;
}

}  // namespace rubato
