// From a run file and what its data looks like to what its fleet trains.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "common/job/job.h"
#include "worker/run_file/run_config.h"
#include "worker/spec/batch.h"
#include "worker/spec/prior.h"

namespace rubato {

// Rows of an iteration of a run that begins with `config`, of all workers together.
uint64_t IterationRows(const RunConfig& config);

struct RowCounts {
  uint64_t train;
  uint64_t iteration;  // IterationRows of the configuration that the run began with
};
// For data of this shape, of which `prior` is known. InvalidArgument: what MakeModelSpec refuses,
// more iterations than clocks can count, and workers that cannot share the rows of an iteration.
absl::StatusOr<Job> MakeJob(const RunConfig& config, const DatasetShape& shape, const Prior& prior,
                            const RowCounts& rows);

}  // namespace rubato
