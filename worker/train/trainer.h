// A worker's run: iterations J .. T - 1 of its seat, each pull - gradients - push, with later pulls
// and earlier pushes under way meanwhile. With options.ahead the next step is begun before the last
// one is pushed, if its rows are there: a GPU then goes from step to step.
//
// common/job/calendar.h says what each clock is for: a batch, or the evaluation that ends an
// epoch, where seat 0 evaluates the validation rows. A barrier is passed only once the weights are
// committed exactly there, so that the snapshot holds what was evaluated.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "common/base/env.h"
#include "common/base/stop_signals.h"
#include "common/job/job.h"
#include "common/telemetry/events.h"
#include "common/telemetry/telemetry.h"
#include "worker/client/session.h"
#include "worker/compute/model.h"
#include "worker/compute/pipeline.h"
#include "worker/data/dataset/dataset.h"
#include "worker/data/encode/prior.h"
#include "worker/evaluate/scoring.h"
#include "worker/evaluate/untrained_levels.h"
#include "worker/run_file/run_config.h"
#include "worker/spec/timetable.h"
#include "worker/train/divergence.h"

namespace rubato {

// Deliberate slowness of one worker, for measuring what staleness buys: every iteration takes
// `factor` times as long, or, if chance > 0, `length` iterations in a row once one draws it
// (seeded).
struct Slowness {
  double factor = 1.0;
  double chance = 0.0;
  int64_t length = 1;
  double floor_seconds = 0.0;  // no iteration is shorter than this, before the factor
};

struct TrainerOptions {
  Job job;
  SeatId seat;
  uint64_t batch = 256;
  int64_t prefetch = 3;
  int64_t ahead = 0;  // iterations begun before the one under way is pushed
  Slowness slowness;
  Prior prior;                                    // of the training rows
  double learning_rate = 0.0;                     // named when training diverges
  std::optional<UntrainedLevels> untrained = {};  // for validation rows; nullopt: as they are
};

// Who computes: `model` evaluates, `pipeline` gives the gradients.
struct ComputeOn {
  Model* model;
  Pipeline* pipeline;
};

class Trainer {
 public:
  // All must outlive the trainer. `validation` may be empty of rows.
  Trainer(TrainerOptions options, ComputeOn compute, const Dataset* train,
          const Dataset* validation, EventLog* events);

  // Trains until this worker has left the fleet: all it pushed is durable. Aborted: it was evicted.
  // FailedPrecondition: training diverged.
  absl::Status Run(Session* session, StopSignals* signals);

 private:
  enum class Spent { kCompute, kWait, kPull, kPush, kOther, kCount };
  struct Iteration {
    size_t rows = 0;  // of its batch, which is in the pipeline
    Parameters keys;
    std::optional<Ready> ready;
    enum class Step { kPrepared, kBegun } step = Step::kPrepared;
  };

  absl::Status AwaitStart(Session* session, StopSignals* signals);
  absl::Status RunIteration(Session* session, StopSignals* signals);
  // With the exact weights `rows`, which are the iteration's own and may be filled in.
  absl::Status Evaluate(Session* session, StopSignals* signals, Parameters* rows);
  absl::Status AwaitLeft(Session* session, StopSignals* signals);
  // Waits for an event that `wanted` takes; others are handled here.
  template <class Wanted>
  absl::StatusOr<Wanted> Await(Session* session, StopSignals* signals);
  absl::Status Handle(ClientEvent event);
  absl::Status PrepareUpTo(Clock last, Session* session);
  absl::Status PrefetchUpTo(Clock last, Session* session);
  static GoOn GoOnWith(Session* session);
  absl::Status Prepare(Clock clock, Session* session, Iteration* iteration);
  void StartUpTo(Clock last, Session* session);
  absl::Status AwaitReady(Session* session, StopSignals* signals);
  absl::Status Begin(Iteration* iteration);
  absl::Status BeginAhead(Session* session);
  absl::Status Compute(Session* session, Iteration* iteration);
  void Slow(Instant began, StopSignals* signals);
  void TellProgress(bool last);
  void TellDone(const ClientCounters& counters);
  void Spend(Spent on);
  SecondsSpent TimeSpent() const;

  const TrainerOptions options_;
  Model* const model_;
  Pipeline* const pipeline_;
  const Dataset* const train_;
  const Dataset* const validation_;
  EventLog* const events_;
  const Timetable timetable_;
  DivergenceCheck divergence_;
  Rng slow_rng_;
  int64_t slow_left_ = 0;

  Clock clock_;
  Clock prepared_;    // next clock to prepare
  Clock prefetched_;  // next clock to prefetch
  Clock started_;     // next clock to start
  Clock committed_;
  std::map<Clock, Iteration> iterations_;  // prepared and not yet pushed
  Parameters gradients_;

  Instant begun_;       // first iteration
  Instant trained_at_;  // end of the last one
  Instant mark_;        // since when time is not yet accounted for
  Duration spent_[static_cast<size_t>(Spent::kCount)];
  uint64_t rows_ = 0;
  int64_t max_staleness_ = 0;
  double loss_sum_ = 0;  // since the last progress event
  uint64_t loss_rows_ = 0;
  Instant told_at_;
  uint64_t told_rows_ = 0;
};

}  // namespace rubato
