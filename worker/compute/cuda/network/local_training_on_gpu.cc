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
  struct Place {
    std::shared_ptr<Scratch> scratch;
    GpuBatch batch;
    DeviceArray<uint32_t> positions;  // [occurrences] rows of the tables
    std::vector<DeviceArray<float>> gradients;
    DeviceArray<double> loss;  // [1]
    StreamEvent uploaded;
    StreamEvent done;
    Replay step;
  };
  absl::StatusOr<std::unique_ptr<Place>> MakePlace();
  absl::Status Reserve(const Batch& batch);
  absl::Status PutStep(StreamView stream, Place* place);

  const int gpu_;
  std::unique_ptr<Engine> engine_;
  DeviceTables tables_;
  Stream upload_;
  Stream compute_;
  std::array<std::unique_ptr<Place>, 2> places_;
  size_t next_ = 0;
  DeviceArray<LossTotals> totals_;  // [1]
  PinnedArray<LossTotals> host_totals_;
};

absl::Status LocalTrainingOnGpu::Allocate() {
  ASSIGN_OR_RETURN(totals_, DeviceArray<LossTotals>::Make(1));
  ASSIGN_OR_RETURN(host_totals_, PinnedArray<LossTotals>::Make(1));
  return ZeroAsync(compute_.view(), totals_.data(), 1);
}

absl::StatusOr<std::unique_ptr<LocalTrainingOnGpu::Place>> LocalTrainingOnGpu::MakePlace() {
  const NetworkShape& shape = engine_->shape();
  const uint32_t occurrences = engine_->capacity().counts.occurrences();
  ASSIGN_OR_RETURN(GpuBatch batch, GpuBatch::Make(upload_.view(), shape, engine_->capacity()));
  ASSIGN_OR_RETURN(auto positions, DeviceArray<uint32_t>::Make(occurrences));
  ASSIGN_OR_RETURN(auto loss, DeviceArray<double>::Make(1));
  ASSIGN_OR_RETURN(StreamEvent uploaded, StreamEvent::Make());
  ASSIGN_OR_RETURN(StreamEvent done, StreamEvent::Make());
  std::unique_ptr<Place> place(new Place{.scratch = engine_->scratch(),
                                         .batch = std::move(batch),
                                         .positions = std::move(positions),
                                         .gradients = {},
                                         .loss = std::move(loss),
                                         .uploaded = std::move(uploaded),
                                         .done = std::move(done),
                                         .step = {}});
  for (size_t t = 0; t < shape.tables().size(); ++t) {
    const size_t floats = shape.Rows(t, occurrences) * shape.tables()[t].dim;
    ASSIGN_OR_RETURN(place->gradients.emplace_back(), DeviceArray<float>::Make(floats));
  }
  return place;
}

absl::Status LocalTrainingOnGpu::Reserve(const Batch& batch) {
  RETURN_IF_ERROR(engine_->Reserve(batch));
  std::unique_ptr<Place>& place = places_[next_];
  if (place != nullptr && place->batch.inputs().shape() == engine_->capacity()) {
    return absl::OkStatus();
  }
  place.reset();
  ASSIGN_OR_RETURN(place, MakePlace());
  return absl::OkStatus();
}

absl::Status LocalTrainingOnGpu::Step(const Batch& batch) {
  RETURN_IF_ERROR(UseGpu(gpu_));
  CHECK(batch.rows > 0);
  if (places_[next_] != nullptr) RETURN_IF_ERROR(places_[next_]->done.Wait());
  RETURN_IF_ERROR(Reserve(batch));
  Place* const place = places_[next_].get();
  next_ = 1 - next_;
  RETURN_IF_ERROR(place->batch.Upload(upload_.view(), batch));
  RETURN_IF_ERROR(place->uploaded.Record(upload_.view()));
  RETURN_IF_ERROR(place->uploaded.Block(compute_.view()));
  RETURN_IF_ERROR(place->step.Run(
      compute_.view(), [this, place](StreamView stream) { return PutStep(stream, place); }));
  return place->done.Record(compute_.view());
}

absl::Status LocalTrainingOnGpu::PutStep(StreamView stream, Place* place) {
  const NetworkShape& shape = engine_->shape();
  RETURN_IF_ERROR(place->batch.FindSegments(stream, &place->scratch->unique));
  RETURN_IF_ERROR(PositionsOfKeys(stream, place->batch.occurrence_keys(),
                                  place->scratch->capacity.counts.occurrences(),
                                  place->positions.data()));
  StepArrays step{.numeric = place->batch.inputs().numeric(),
                  .labels = place->batch.inputs().labels(),
                  .weights = place->batch.inputs().weights(),
                  .offsets = place->batch.inputs().offsets(),
                  .features = place->batch.features(),
                  .segments = place->batch.segments(),
                  .parameters = {},
                  .gradients = {},
                  .loss = place->loss.data()};
  step.features.positions = place->positions.data();
  for (size_t t = 0; t < shape.tables().size(); ++t) {
    step.parameters.push_back(tables_.weights(t));
    step.gradients.push_back(place->gradients[t].data());
  }
  RETURN_IF_ERROR(place->scratch->network->Train(stream, step));
  RETURN_IF_ERROR(tables_.Step(stream, shape,
                               {.of_table = &step.gradients,
                                .segments = step.segments,
                                .keys = place->batch.device_keys()}));
  return AddLoss(stream, place->loss.data(), step.features.filled, totals_.data());
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
