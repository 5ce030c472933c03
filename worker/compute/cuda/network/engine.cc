#include "worker/compute/cuda/network/engine.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"

namespace rubato {
namespace {

constexpr uint64_t kMaxOccurrences = (uint64_t{1} << 31) - 1;

uint32_t Room(uint32_t capacity, size_t wanted) {
  if (wanted <= capacity) return capacity;
  const size_t more = std::max<size_t>(wanted, capacity + size_t{capacity} / 2);
  return static_cast<uint32_t>(std::min<size_t>(more, kMaxOccurrences));
}

}  // namespace

BatchShape Grown(const BatchShape& capacity, const Batch& batch) {
  BatchShape grown = capacity;
  grown.counts.rows = Room(capacity.counts.rows, batch.rows);
  grown.counts.sparse = Room(capacity.counts.sparse, batch.keys.size());
  return grown;
}

absl::StatusOr<std::unique_ptr<Engine>> Engine::Make(const GpuModel& model) {
  ASSIGN_OR_RETURN(NetworkShape shape, MakeNetworkShape(model.spec));
  std::unique_ptr<Engine> engine(new Engine(std::move(shape), model.precision));
  ASSIGN_OR_RETURN(engine->blas_, BlasLt::Make());
  engine->scratch_ = std::make_shared<Scratch>();
  engine->scratch_->capacity = engine->shape_.Batch(0, 0);
  return engine;
}

absl::Status Engine::Build(const BatchShape& capacity) {
  auto scratch = std::make_shared<Scratch>();
  scratch->capacity = capacity;
  ASSIGN_OR_RETURN(scratch->network, Network::Make(&*blas_, shape_, capacity, precision_));
  if (const uint32_t occurrences = capacity.counts.occurrences(); occurrences > 0) {
    ASSIGN_OR_RETURN(scratch->unique, Unique::Make(occurrences, shape_.ranges().end));
  }
  scratch_ = std::move(scratch);
  return absl::OkStatus();
}

absl::Status Engine::Reserve(const Batch& batch) {
  const BatchShape grown = Grown(capacity(), batch);
  if (grown == capacity()) return absl::OkStatus();
  const uint64_t occurrences =
      uint64_t{grown.counts.rows} * grown.counts.columns + grown.counts.sparse;
  if (occurrences > kMaxOccurrences) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "a batch of %d rows with %d features is more than a GPU step takes (%d); use a smaller "
        "train.batch",
        batch.rows, occurrences, kMaxOccurrences));
  }
  return Build(grown);
}

}  // namespace rubato
