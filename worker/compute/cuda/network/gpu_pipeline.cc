#include "worker/compute/cuda/network/gpu_pipeline.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "worker/compute/cuda/device/gpus.h"

namespace rubato {

absl::StatusOr<std::unique_ptr<GpuPipeline>> GpuPipeline::Make(const GpuModel& model,
                                                               PinnedPool* pool) {
  RETURN_IF_ERROR(UseGpu(model.gpu));
  ASSIGN_OR_RETURN(auto engine, Engine::Make(model));
  // The trainer waits for keys, so they are found before the rest of an earlier batch's step.
  ASSIGN_OR_RETURN(Stream keys, Stream::Make(Priority::kHigh));
  ASSIGN_OR_RETURN(Stream upload, Stream::Make());
  ASSIGN_OR_RETURN(Stream compute, Stream::Make());
  ASSIGN_OR_RETURN(Stream download, Stream::Make());
  Streams streams{.keys = std::move(keys),
                  .upload = std::move(upload),
                  .compute = std::move(compute),
                  .download = std::move(download)};
  return std::unique_ptr<GpuPipeline>(
      new GpuPipeline(model.gpu, std::move(engine), std::move(streams), pool));
}

// What is under way writes to memory that is about to go.
GpuPipeline::~GpuPipeline() {
  for (const Stream* stream :
       {&streams_.keys, &streams_.upload, &streams_.compute, &streams_.download}) {
    stream->Wait().IgnoreError();
  }
}

// A free set of buffers of the engine's capacity, in which the batch has room. Those of an older
// capacity are dropped here. What a new one clears is put on `stream`.
absl::StatusOr<std::unique_ptr<GpuPipeline::InFlight>> GpuPipeline::TakeBuffers(
    StreamView stream, const Batch& batch) {
  RETURN_IF_ERROR(engine_->Reserve(batch));
  std::erase_if(free_, [&](const auto& in_flight) {
    return !(in_flight->step->batch().inputs().shape() == engine_->capacity());
  });
  if (!free_.empty()) {
    std::unique_ptr<InFlight> in_flight = std::move(free_.back());
    free_.pop_back();
    return in_flight;
  }
  ASSIGN_OR_RETURN(auto step, GpuStep::Make(stream, *engine_));
  ASSIGN_OR_RETURN(StreamEvent uploaded, StreamEvent::Make());
  ASSIGN_OR_RETURN(StreamEvent computed, StreamEvent::Make());
  ASSIGN_OR_RETURN(StreamEvent finished, StreamEvent::Make());
  return std::unique_ptr<InFlight>(new InFlight{.step = std::move(step),
                                                .uploaded = std::move(uploaded),
                                                .computed = std::move(computed),
                                                .finished = std::move(finished),
                                                .weights = {},
                                                .gradients = {}});
}

absl::Status GpuPipeline::Prepare(Batch batch, Parameters* keys) {
  RETURN_IF_ERROR(UseGpu(gpu_));
  CHECK(batch.rows > 0);
  const StreamView stream = streams_.keys.view();
  ASSIGN_OR_RETURN(std::unique_ptr<InFlight> in_flight, TakeBuffers(stream, batch));
  RETURN_IF_ERROR(in_flight->step->batch().Upload(stream, batch));
  RETURN_IF_ERROR(in_flight->step->batch().FindKeys(stream, &in_flight->step->scratch().unique));
  RETURN_IF_ERROR(streams_.keys.Wait());  // the network needs the keys
  GiveKeys(*in_flight, keys);
  prepared_.push_back(std::move(in_flight));
  return absl::OkStatus();
}

void GpuPipeline::GiveKeys(const InFlight& in_flight, Parameters* keys) const {
  keys->resize(tables().size());
  for (size_t t = 0; t < tables().size(); ++t) {
    ParameterRows& rows = (*keys)[t];
    rows.table = tables()[t].id;
    rows.keys.clear();
    in_flight.step->AppendKeys(engine_->shape(), t, &rows.keys);
    rows.values = Floats(UninitializedAllocator<float>(pool_));
  }
}

Parameters GpuPipeline::LikeRows(const Parameters& rows) const {
  Parameters like(rows.size());
  for (size_t t = 0; t < rows.size(); ++t) {
    like[t].table = rows[t].table;
    like[t].keys = rows[t].keys;
    like[t].values = Floats(rows[t].values.size(), UninitializedAllocator<float>(pool_));
  }
  return like;
}

Parameters GpuPipeline::InPinnedMemory(const Parameters& rows) const {
  Parameters pinned = LikeRows(rows);
  for (size_t t = 0; t < rows.size(); ++t) {
    std::copy(rows[t].values.begin(), rows[t].values.end(), pinned[t].values.begin());
  }
  return pinned;
}

absl::Status GpuPipeline::Begin(Parameters rows) {
  RETURN_IF_ERROR(UseGpu(gpu_));
  CHECK(!prepared_.empty(), "Begin without Prepare");
  const size_t keys = prepared_.front()->step->batch().keys().size();
  for (size_t t = 0; t < rows.size(); ++t) {
    CHECK(rows[t].values.get_allocator().memory() == pool_, "not in the memory that Prepare gave");
    CHECK(rows[t].keys.size() == engine_->shape().Rows(t, keys), "rows of another batch");
  }
  std::unique_ptr<InFlight> in_flight = std::move(prepared_.front());
  prepared_.pop_front();
  in_flight->gradients = LikeRows(rows);
  in_flight->weights = std::move(rows);
  RETURN_IF_ERROR(Run(in_flight.get()));
  begun_.push_back(std::move(in_flight));
  return absl::OkStatus();
}

absl::Status GpuPipeline::Run(InFlight* in_flight) {
  const StreamView upload = streams_.upload.view();
  const StreamView compute = streams_.compute.view();
  const StreamView download = streams_.download.view();
  RETURN_IF_ERROR(in_flight->step->UploadWeights(upload, in_flight->weights));
  RETURN_IF_ERROR(in_flight->uploaded.Record(upload));
  RETURN_IF_ERROR(in_flight->uploaded.Block(compute));
  RETURN_IF_ERROR(in_flight->step->Train(compute));
  RETURN_IF_ERROR(in_flight->computed.Record(compute));
  RETURN_IF_ERROR(in_flight->computed.Block(download));
  RETURN_IF_ERROR(in_flight->step->DownloadGradients(download, &in_flight->gradients));
  return in_flight->finished.Record(download);
}

absl::StatusOr<double> GpuPipeline::Finish(Parameters* gradients) {
  CHECK(!begun_.empty(), "Finish without Begin");
  std::unique_ptr<InFlight> in_flight = std::move(begun_.front());
  begun_.pop_front();
  RETURN_IF_ERROR(in_flight->finished.Wait());
  const double loss = *in_flight->step->host_loss();
  *gradients = std::move(in_flight->gradients);
  in_flight->weights = {};
  free_.push_back(std::move(in_flight));
  return loss;
}

// Keys of what is prepared were waited for, so nothing of it is under way.
absl::Status GpuPipeline::Clear() {
  for (; !begun_.empty(); begun_.pop_front()) {
    RETURN_IF_ERROR(begun_.front()->finished.Wait());
    begun_.front()->weights = {};
    begun_.front()->gradients = {};
    free_.push_back(std::move(begun_.front()));
  }
  for (; !prepared_.empty(); prepared_.pop_front()) free_.push_back(std::move(prepared_.front()));
  return absl::OkStatus();
}

absl::Status GpuPipeline::Predict(const Batch& batch, const Parameters& rows,
                                  std::span<float> prediction) {
  RETURN_IF_ERROR(UseGpu(gpu_));
  const StreamView stream = streams_.compute.view();
  ASSIGN_OR_RETURN(std::unique_ptr<InFlight> in_flight, TakeBuffers(stream, batch));
  RETURN_IF_ERROR(in_flight->step->batch().Upload(stream, batch));
  RETURN_IF_ERROR(
      in_flight->step->batch().FindSegments(stream, &in_flight->step->scratch().unique));
  in_flight->weights = InPinnedMemory(rows);
  RETURN_IF_ERROR(in_flight->step->UploadWeights(stream, in_flight->weights));
  RETURN_IF_ERROR(in_flight->step->Predict(stream));
  RETURN_IF_ERROR(streams_.compute.Wait());
  std::copy_n(in_flight->step->host_prediction(), prediction.size(), prediction.data());
  in_flight->weights = {};
  free_.push_back(std::move(in_flight));
  return absl::OkStatus();
}

}  // namespace rubato
