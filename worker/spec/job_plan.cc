#include "worker/spec/job_plan.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "common/base/status.h"
#include "worker/spec/batch_order.h"
#include "worker/spec/model_spec.h"

namespace rubato {
namespace {

// Of a row with sparse features nobody has counted them: as many as few rows have.
constexpr uint64_t kSparseFeatures = 1024;
// Key spaces beyond it are those of hashes, of which data meets few.
constexpr uint64_t kMostKnownKeys = uint64_t{1} << 22;

// Rows of a table that so many rows of data can touch, at most.
uint64_t RowsTouched(const ModelSpec& model, size_t table, uint64_t data_rows) {
  if (model.tables[table].kind == TableKind::kDense) return model.tables[table].blocks();
  const uint64_t features =
      model.data.category_columns + (model.data.sparse_keys > 0 ? kSparseFeatures : 0);
  return std::min(model.keys_of(table).end, model.data.numeric_columns + data_rows * features);
}

uint64_t IterationBytes(const ModelSpec& model, uint64_t batch) {
  uint64_t bytes = 1;  // none has nothing
  for (size_t t = 0; t < model.tables.size(); ++t) {
    const uint64_t row = sizeof(RowKey) + model.tables[t].dim * sizeof(float);
    bytes += RowsTouched(model, t, batch) * row;
  }
  return bytes;
}

// That the rows of training can have; each is a row of a sparse table once it is trained.
uint64_t KnownKeys(const ModelSpec& model, uint64_t train_rows) {
  if (model.data.sparse_keys > kMostKnownKeys) return 0;
  uint64_t keys = 0;
  for (size_t t = 0; t < model.tables.size(); ++t) {
    if (model.tables[t].kind != TableKind::kSparse) continue;
    keys = std::max(keys, RowsTouched(model, t, train_rows));
  }
  return keys;
}

// A run that began with other workers may have too few or too many rows for these.
absl::Status CheckShares(const Job& job, const BatchOrder& order) {
  const bool many = job.seats > job.iteration_rows;
  if (!many && order.LargestBatch() <= kMaxBatchRows) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "fleet.workers = %d: an iteration of this run has %d rows (train.batch for each worker that "
      "it began with), %s; ask for %s",
      job.seats, job.iteration_rows,
      many ? "and each worker needs one"
           : absl::StrFormat("and one worker takes %d at most", kMaxBatchRows),
      many ? "fewer" : "more"));
}

}  // namespace

uint64_t IterationRows(const RunConfig& config) {
  return static_cast<uint64_t>(config.train.batch) * static_cast<uint64_t>(config.fleet.workers);
}

absl::StatusOr<Job> MakeJob(const RunConfig& config, const DatasetShape& shape, const Prior& prior,
                            const RowCounts& rows) {
  ASSIGN_OR_RETURN(ModelSpec model, MakeModelSpec(config, shape, prior));
  Job job;
  job.seats = static_cast<uint32_t>(config.fleet.workers);
  job.iteration_rows = rows.iteration;
  job.seed = static_cast<uint64_t>(config.train.seed);
  const BatchOrder order(rows.train, job.iteration_rows, job.seats, job.seed);
  RETURN_IF_ERROR(CheckShares(job, order));
  job.iteration_bytes = IterationBytes(model, order.LargestBatch());
  job.feature_keys = KnownKeys(model, rows.train);
  job.tables = std::move(model.tables);
  // Without servers nobody takes the one place.
  job.places = static_cast<uint32_t>(
      std::max<int64_t>(1, config.fleet.servers * config.fleet.shards_per_server));
  job.iterations_per_epoch = order.IterationsPerEpoch() + 1;
  if (config.train.epochs > kMaxClock / job.iterations_per_epoch) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "train.epochs = %d passes of %d iterations are more than %d; ask for fewer, or a larger "
        "train.batch",
        config.train.epochs, job.iterations_per_epoch, kMaxClock));
  }
  job.last_clock = Clock(config.train.epochs * job.iterations_per_epoch);
  job.best_epoch = config.train.best_epoch;
  job.snapshots_kept = config.snapshot.keep;
  job.snapshot_every_clocks = config.snapshot.every_clocks;
  job.retention_soft_bytes = static_cast<uint64_t>(config.snapshot.retention_soft_mib) << 20;
  job.retention_hard_bytes = static_cast<uint64_t>(config.snapshot.retention_hard_mib) << 20;
  job.lease_ms = config.fleet.lease_seconds * 1000;
  job.deterministic = config.train.deterministic;
  return job;
}

}  // namespace rubato
