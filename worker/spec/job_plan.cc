#include "worker/spec/job_plan.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "common/base/status.h"
#include "worker/spec/batch_order.h"
#include "worker/spec/model_spec.h"

namespace rubato {

absl::StatusOr<Job> MakeJob(const RunConfig& config, const DatasetShape& shape, const Prior& prior,
                            uint64_t train_rows) {
  ASSIGN_OR_RETURN(ModelSpec model, MakeModelSpec(config, shape, prior));
  Job job;
  job.tables = std::move(model.tables);
  // Without servers nobody takes the one place.
  job.places = static_cast<uint32_t>(
      std::max<int64_t>(1, config.fleet.servers * config.fleet.shards_per_server));
  job.seats = static_cast<uint32_t>(config.fleet.workers);
  job.seed = static_cast<uint64_t>(config.train.seed);
  const BatchOrder order(train_rows, static_cast<uint64_t>(config.train.batch), job.seats,
                         job.seed);
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
