// From a run file and what its data looks like to what its fleet trains.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "common/job/job.h"
#include "worker/run_file/run_config.h"
#include "worker/spec/batch.h"
#include "worker/spec/prior.h"

namespace rubato {

// `train_rows` rows of data of this shape, of which `prior` is known. InvalidArgument: what
// MakeModelSpec refuses, and more iterations than clocks can count.
absl::StatusOr<Job> MakeJob(const RunConfig& config, const DatasetShape& shape, const Prior& prior,
                            uint64_t train_rows);

}  // namespace rubato
