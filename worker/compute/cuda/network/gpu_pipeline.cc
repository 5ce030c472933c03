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

// A free place of the engine's capacity, in which the batch has room. Those of an older capacity
// are dropped here. What a new one clears is put on `stream`.
absl::StatusOr<std::unique_ptr<GpuPipeline::Place>> GpuPipeline::TakePlace(StreamView stream,
                                                                           const Batch& batch) {
  RETURN_IF_ERROR(engine_->Reserve(batch));
  std::erase_if(free_, [&](const auto& place) {
    return !(place->step->batch().inputs().shape() == engine_->capacity());
  });
  if (!free_.empty()) {
    std::unique_ptr<Place> place = std::move(free_.back());
    free_.pop_back();
    return place;
  }
  ASSIGN_OR_RETURN(auto step, GpuStep::Make(stream, *engine_));
  ASSIGN_OR_RETURN(StreamEvent uploaded, StreamEvent::Make());
  ASSIGN_OR_RETURN(StreamEvent computed, StreamEvent::Make());
  ASSIGN_OR_RETURN(StreamEvent finished, StreamEvent::Make());
  return std::unique_ptr<Place>(new Place{.step = std::move(step),
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
  ASSIGN_OR_RETURN(std::unique_ptr<Place> place, TakePlace(stream, batch));
  RETURN_IF_ERROR(place->step->batch().Upload(stream, batch));
  RETURN_IF_ERROR(place->step->batch().FindKeys(stream, &place->step->scratch().unique));
  RETURN_IF_ERROR(streams_.keys.Wait());  // the network needs the keys
  GiveKeys(*place, keys);
  prepared_.push_back(std::move(place));
  return absl::OkStatus();
}

void GpuPipeline::GiveKeys(const Place& place, Parameters* keys) const {
  keys->resize(tables().size());
  for (size_t t = 0; t < tables().size(); ++t) {
    ParameterRows& rows = (*keys)[t];
    rows.table = tables()[t].id;
    rows.keys.clear();
    place.step->AppendKeys(engine_->shape(), t, &rows.keys);
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
  std::unique_ptr<Place> place = std::move(prepared_.front());
  prepared_.pop_front();
  place->gradients = LikeRows(rows);
  place->weights = std::move(rows);
  RETURN_IF_ERROR(Run(place.get()));
  begun_.push_back(std::move(place));
  return absl::OkStatus();
}

absl::Status GpuPipeline::Run(Place* place) {
  const StreamView upload = streams_.upload.view();
  const StreamView compute = streams_.compute.view();
  const StreamView download = streams_.download.view();
  RETURN_IF_ERROR(place->step->UploadWeights(upload, place->weights));
  RETURN_IF_ERROR(place->uploaded.Record(upload));
  RETURN_IF_ERROR(place->uploaded.Block(compute));
  RETURN_IF_ERROR(place->step->Train(compute));
  RETURN_IF_ERROR(place->computed.Record(compute));
  RETURN_IF_ERROR(place->computed.Block(download));
  RETURN_IF_ERROR(place->step->DownloadGradients(download, &place->gradients));
  return place->finished.Record(download);
}

absl::StatusOr<double> GpuPipeline::Finish(Parameters* gradients) {
  CHECK(!begun_.empty(), "Finish without Begin");
  std::unique_ptr<Place> place = std::move(begun_.front());
  begun_.pop_front();
  RETURN_IF_ERROR(place->finished.Wait());
  const double loss = *place->step->host_loss();
  *gradients = std::move(place->gradients);
  place->weights = {};
  free_.push_back(std::move(place));
  return loss;
}

absl::Status GpuPipeline::Predict(const Batch& batch, const Parameters& rows,
                                  std::span<float> prediction) {
  RETURN_IF_ERROR(UseGpu(gpu_));
  const StreamView stream = streams_.compute.view();
  ASSIGN_OR_RETURN(std::unique_ptr<Place> place, TakePlace(stream, batch));
  RETURN_IF_ERROR(place->step->batch().Upload(stream, batch));
  RETURN_IF_ERROR(place->step->batch().FindSegments(stream, &place->step->scratch().unique));
  place->weights = InPinnedMemory(rows);
  RETURN_IF_ERROR(place->step->UploadWeights(stream, place->weights));
  RETURN_IF_ERROR(place->step->Predict(stream));
  RETURN_IF_ERROR(streams_.compute.Wait());
  std::copy_n(place->step->host_prediction(), prediction.size(), prediction.data());
  place->weights = {};
  free_.push_back(std::move(place));
  return absl::OkStatus();
}

}  // namespace rubato
