// What a fleet trains, fixed before it starts: `rubato-data prepare` writes it, all processes read
// it. Servers learn of a model through its tables here and in no other way.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/ids.h"
#include "common/job/calendar.h"
#include "common/job/data_digests.h"
#include "common/job/table_spec.h"

namespace rubato {

struct Job : Calendar {
  std::vector<TableSpec> tables;
  uint32_t places = 1;
  uint32_t seats = 1;
  // Training rows of one iteration of all seats together: the same for as long as the run lives,
  // whatever their number (worker/spec/batch_order.h). 0: a file that does not say it yet.
  uint64_t iteration_rows = 0;
  uint64_t seed = 0;
  int64_t snapshots_kept = 2;         // committed ones; with best_epoch: those validated
  int64_t snapshot_every_clocks = 0;  // 0: none is planned but the last
  // Bytes of pushes that a worker keeps for replay before it asks for a snapshot / drops the oldest
  // (ARCHITECTURE.md, "Retention"). A snapshot costs as much as the whole model: it should be rare.
  uint64_t retention_soft_bytes = 256u << 20;
  uint64_t retention_hard_bytes = 1u << 30;
  // Keys and gradients of the largest iteration, all shards together, as CreditRule::RowBytes
  // counts them: what a worker may have under way follows from it (ARCHITECTURE.md, "Bounds").
  uint64_t iteration_bytes = 128u << 20;
  // Keys that features of the training rows can have: no sparse table has more rows. 0: nobody
  // knows.
  uint64_t feature_keys = 0;
  // A worker or shard of which nothing is heard for this long is taken for dead.
  int64_t lease_ms = 10'000;
  DataDigests data;  // of the folder that it was written for
  // At s = 0: the same weights, to the bit, whatever dies meanwhile and for any number of shards.
  bool deterministic = false;

  // Smallest bound of the tables: the gate of the run.
  Staleness staleness() const;
  // Hash of all fields that make two processes disagree about the model (tables, seed).
  uint64_t Fingerprint() const;
  friend bool operator==(const Job&, const Job&) = default;
};

// JSON text of a job, and back; errors name the field.
std::string FormatJob(const Job& job);
absl::StatusOr<Job> ParseJob(const std::string& json);
// DIR/job.json of a run folder, a checksummed file (common/base/checksummed_text.h); errors name
// the file.
absl::StatusOr<Job> LoadJob(const std::string& run_folder);

}  // namespace rubato
