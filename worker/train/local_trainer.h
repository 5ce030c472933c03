// Training without servers (fleet.servers = 0): one process, the weights on its GPU, the same
// batches in the same order and the same steps as a worker of a fleet at s = 0. It says what the
// computation alone can do, and it is a baseline to compare a fleet with.
//
// Nothing is committed: what ends early is gone. One thread.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "common/base/env.h"
#include "common/base/stop_signals.h"
#include "common/job/job.h"
#include "common/telemetry/telemetry.h"
#include "worker/compute/backend.h"
#include "worker/compute/model.h"
#include "worker/data/dataset/dataset.h"
#include "worker/evaluate/untrained_levels.h"
#include "worker/spec/timetable.h"
#include "worker/train/divergence.h"

namespace rubato {

struct LocalOptions {
  Job job;
  std::vector<double> constant = {0.5};  // Prior::predictions
  LossRange losses;                      // LossRangeOf the training rows
  double learning_rate = 0.0;            // named when training diverges
  UntrainedLevels untrained;             // for validation rows
};
// `training` steps; `model` evaluates with the weights that it reads from it.
struct LocalCompute {
  LocalTraining* training;
  Model* model;
};
// `validation` may be empty of rows.
struct LocalData {
  const Dataset* train;
  const Dataset* validation;
};

class LocalTrainer {
 public:
  // All must outlive it.
  LocalTrainer(LocalOptions options, LocalCompute compute, LocalData data, EventLog* events);

  // All iterations of the job. Tells progress, validation and done as a worker does.
  // FailedPrecondition: training diverged.
  absl::Status Run(StopSignals* signals);

 private:
  absl::Status RunIteration(StopSignals* signals);
  absl::Status Validate(StopSignals* signals);
  absl::Status TellProgress(Instant now);
  void TellDone();

  const LocalOptions options_;
  const LocalCompute compute_;
  const LocalData data_;
  EventLog* const events_;
  const Timetable timetable_;
  DivergenceCheck divergence_;

  Clock clock_;
  Batch batch_;
  uint64_t rows_ = 0;
  uint64_t steps_ = 0;
  Instant begun_;
  Instant told_at_;
  uint64_t told_rows_ = 0;
  Duration validation_;
};

}  // namespace rubato
