#include "worker/compute/cuda/network/local_training_on_gpu.h"

#include <array>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "worker/compute/cuda/device/gpus.h"
#include "worker/compute/cuda/kernels/table_rows.h"
#include "worker/compute/cuda/network/device_tables.h"
#include "worker/compute/cuda/network/engine.h"
#include "worker/compute/cuda/network/gpu_batch.h"

namespace rubato {
namespace {

class LocalTrainingOnGpu : public LocalTraining {
 public:
  LocalTrainingOnGpu(int gpu, std::unique_ptr<Engine> engine, DeviceTables tables,
                     std::array<Stream, 2> streams)
      : gpu_(gpu),
        engine_(std::move(engine)),
        tables_(std::move(tables)),
        upload_(std::move(streams[0])),
        compute_(std::move(streams[1])) {}
  // What is under way uses memory that is about to go.
  ~LocalTrainingOnGpu() override {
    upload_.Wait().IgnoreError();
    compute_.Wait().IgnoreError();
  }
  absl::Status Allocate();

  absl::Status Step(const Batch& batch) override;
  absl::StatusOr<double> TakeLoss() override;
  absl::StatusOr<Parameters> Read(Parameters keys) override;

 private:
  // A batch in flight with its buffers.
  struct InFlight {
    std::shared_ptr<Scratch> scratch;
    GpuBatch batch;
    DeviceArray<uint32_t> positions;  // [occurrences] rows of the tables
    std::vector<DeviceArray<float>> gradients;
    DeviceArray<double> loss;  // [1]
    StreamEvent uploaded;
    StreamEvent done;
    Replay step;
  };
  absl::StatusOr<std::unique_ptr<InFlight>> MakeBuffers();
  absl::Status Reserve(const Batch& batch);
  absl::Status PutStep(StreamView stream, InFlight* current);

  const int gpu_;
  std::unique_ptr<Engine> engine_;
  DeviceTables tables_;
  Stream upload_;
  Stream compute_;
  std::array<std::unique_ptr<InFlight>, 2> in_flight_;
  size_t next_ = 0;
  DeviceArray<LossTotals> totals_;  // [1]
  PinnedArray<LossTotals> host_totals_;
};

absl::Status LocalTrainingOnGpu::Allocate() {
  ASSIGN_OR_RETURN(totals_, DeviceArray<LossTotals>::Make(1));
  ASSIGN_OR_RETURN(host_totals_, PinnedArray<LossTotals>::Make(1));
  return ZeroAsync(compute_.view(), totals_.data(), 1);
}

absl::StatusOr<std::unique_ptr<LocalTrainingOnGpu::InFlight>> LocalTrainingOnGpu::MakeBuffers() {
  const NetworkShape& shape = engine_->shape();
  const uint32_t occurrences = engine_->capacity().counts.occurrences();
  ASSIGN_OR_RETURN(GpuBatch batch, GpuBatch::Make(upload_.view(), shape, engine_->capacity()));
  ASSIGN_OR_RETURN(auto positions, DeviceArray<uint32_t>::Make(occurrences));
  ASSIGN_OR_RETURN(auto loss, DeviceArray<double>::Make(1));
  ASSIGN_OR_RETURN(StreamEvent uploaded, StreamEvent::Make());
  ASSIGN_OR_RETURN(StreamEvent done, StreamEvent::Make());
  std::unique_ptr<InFlight> current(new InFlight{.scratch = engine_->scratch(),
                                                 .batch = std::move(batch),
                                                 .positions = std::move(positions),
                                                 .gradients = {},
                                                 .loss = std::move(loss),
                                                 .uploaded = std::move(uploaded),
                                                 .done = std::move(done),
                                                 .step = {}});
  for (size_t t = 0; t < shape.tables().size(); ++t) {
    const size_t floats = shape.Rows(t, occurrences) * shape.tables()[t].dim;
    ASSIGN_OR_RETURN(current->gradients.emplace_back(), DeviceArray<float>::Make(floats));
  }
  return current;
}

absl::Status LocalTrainingOnGpu::Reserve(const Batch& batch) {
  RETURN_IF_ERROR(engine_->Reserve(batch));
  std::unique_ptr<InFlight>& current = in_flight_[next_];
  if (current != nullptr && current->batch.inputs().shape() == engine_->capacity()) {
    return absl::OkStatus();
  }
  current.reset();
  ASSIGN_OR_RETURN(current, MakeBuffers());
  return absl::OkStatus();
}

absl::Status LocalTrainingOnGpu::Step(const Batch& batch) {
  RETURN_IF_ERROR(UseGpu(gpu_));
  CHECK(batch.rows > 0);
  if (in_flight_[next_] != nullptr) RETURN_IF_ERROR(in_flight_[next_]->done.Wait());
  RETURN_IF_ERROR(Reserve(batch));
  InFlight* const current = in_flight_[next_].get();
  next_ = 1 - next_;
  RETURN_IF_ERROR(current->batch.Upload(upload_.view(), batch));
  RETURN_IF_ERROR(current->uploaded.Record(upload_.view()));
  RETURN_IF_ERROR(current->uploaded.Block(compute_.view()));
  RETURN_IF_ERROR(current->step.Run(
      compute_.view(), [this, current](StreamView stream) { return PutStep(stream, current); }));
  return current->done.Record(compute_.view());
}

absl::Status LocalTrainingOnGpu::PutStep(StreamView stream, InFlight* current) {
  const NetworkShape& shape = engine_->shape();
  RETURN_IF_ERROR(current->batch.FindSegments(stream, &current->scratch->unique));
  RETURN_IF_ERROR(PositionsOfKeys(stream, current->batch.occurrence_keys(),
                                  current->scratch->capacity.counts.occurrences(),
                                  current->positions.data()));
  StepArrays step{.numeric = current->batch.inputs().numeric(),
                  .labels = current->batch.inputs().labels(),
                  .weights = current->batch.inputs().weights(),
                  .offsets = current->batch.inputs().offsets(),
                  .features = current->batch.features(),
                  .segments = current->batch.segments(),
                  .parameters = {},
                  .gradients = {},
                  .loss = current->loss.data()};
  step.features.positions = current->positions.data();
  for (size_t t = 0; t < shape.tables().size(); ++t) {
    step.parameters.push_back(tables_.weights(t));
    step.gradients.push_back(current->gradients[t].data());
  }
  RETURN_IF_ERROR(current->scratch->network->Train(stream, step));
  RETURN_IF_ERROR(tables_.Step(stream, shape,
                               {.of_table = &step.gradients,
                                .segments = step.segments,
                                .keys = current->batch.device_keys()}));
  return AddLoss(stream, current->loss.data(), step.features.filled, totals_.data());
}

absl::StatusOr<double> LocalTrainingOnGpu::TakeLoss() {
  RETURN_IF_ERROR(UseGpu(gpu_));
  RETURN_IF_ERROR(CopyAsync(compute_.view(), host_totals_.data(), totals_.data(), 1));
  RETURN_IF_ERROR(ZeroAsync(compute_.view(), totals_.data(), 1));
  RETURN_IF_ERROR(compute_.Wait());
  const LossTotals& totals = host_totals_[0];
  return totals.rows == 0 ? 0.0 : totals.loss / totals.rows;
}

absl::StatusOr<Parameters> LocalTrainingOnGpu::Read(Parameters keys) {
  RETURN_IF_ERROR(UseGpu(gpu_));
  RETURN_IF_ERROR(tables_.Read(compute_, &keys));
  return keys;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LocalTraining>> MakeLocalTrainingOnGpu(const GpuModel& model) {
  RETURN_IF_ERROR(UseGpu(model.gpu));
  ASSIGN_OR_RETURN(Stream upload, Stream::Make());
  ASSIGN_OR_RETURN(Stream compute, Stream::Make());
  ASSIGN_OR_RETURN(auto engine, Engine::Make(model));
  ASSIGN_OR_RETURN(DeviceTables tables, DeviceTables::Make(engine->shape(), model.seed, compute));
  auto training = std::make_unique<LocalTrainingOnGpu>(
      model.gpu, std::move(engine), std::move(tables),
      std::array<Stream, 2>{std::move(upload), std::move(compute)});
  RETURN_IF_ERROR(training->Allocate());
  return training;
}

}  // namespace rubato
