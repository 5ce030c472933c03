// From a run file and what its data looks like to what its fleet trains.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "common/job/job.h"
#include "worker/run_file/run_config.h"
#include "worker/spec/batch.h"

namespace rubato {

// `train_rows` rows of data of this shape. InvalidArgument: what MakeModelSpec refuses, and more
// iterations than clocks can count.
absl::StatusOr<Job> MakeJob(const RunConfig& config, const DatasetShape& shape,
                            uint64_t train_rows);

}  // namespace rubato
