// A worker's run: iterations J .. T - 1 of its seat, each pull - gradients - push, with later pulls
// and earlier pushes under way meanwhile. worker/train/iteration_plan.h says what is next; here it
// is done, with a session, a model and a clock. With options.ahead.begun a GPU goes from step to
// step.
//
// A life may end before the run does: its worker was thought dead, or the whole fleet goes back to
// a snapshot. What it had under way is void, and the next life begins where the fleet says.
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
#include "common/base/pulse.h"
#include "common/base/stop_signals.h"
#include "common/job/job.h"
#include "common/telemetry/events.h"
#include "common/telemetry/telemetry.h"
#include "worker/client/session.h"
#include "worker/compute/model.h"
#include "worker/compute/pipeline.h"
#include "worker/data/dataset/dataset.h"
#include "worker/evaluate/scoring.h"
#include "worker/evaluate/untrained_levels.h"
#include "worker/run_file/run_config.h"
#include "worker/spec/timetable.h"
#include "worker/train/divergence.h"
#include "worker/train/iteration_plan.h"

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
  IterationPlan::Ahead ahead = {.pulled = 3};
  Slowness slowness;
  std::vector<double> constant = {0.5};           // Prior::predictions
  LossRange losses;                               // LossRangeOf the training rows
  double learning_rate = 0.0;                     // named when training diverges
  double clip_norm = 0.0;                         // of an iteration's gradient; 0: not clipped
  uint64_t strikes = 0;                           // as of the client
  std::optional<UntrainedLevels> untrained = {};  // for validation rows; nullopt: as they are
  Pulse pulse = {};
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

  // Trains, in as many lives as it takes, until this worker has left the fleet: all it pushed is
  // durable. Its exit code: a first signal to a process alone makes it leave early, and so does the
  // end of its fleet. OutOfRange: training diverged.
  absl::StatusOr<int> Run(Session* session, StopSignals* signals);

 private:
  using Act = IterationPlan::Act;
  enum class Spent { kCompute, kWait, kPull, kPush, kOther, kCount };
  // Prepared and not yet pushed.
  struct Iteration {
    size_t rows = 0;      // of its batch, which is in the pipeline
    bool broken = false;  // its loss was no number
    Parameters keys;
    std::optional<Ready> ready;
  };

  void NoteTrained();
  absl::Status Do(const IterationPlan::Task& task, Session* session, StopSignals* signals);
  // Waits for an event of the client, and takes it.
  absl::Status Await(Session* session, StopSignals* signals);
  // Takes the events that are there.
  absl::Status TakeEvents(Session* session);
  absl::Status Take(ClientEvent event);
  absl::Status EndFor(const SeatTaken& taken);
  absl::Status TakeStart(const Started& started);
  void Warn(const Waiting& waiting) const;
  // Cancelled once a signal to stop has come that is not to be heeded otherwise.
  absl::Status CheckSignals(Session* session, StopSignals* signals);
  absl::Status Hold(Session* session, StopSignals* signals);
  int ExitCodeNow() const;
  bool Evaluates() const;
  void NoteWork(Session* session) const;
  GoOn GoOnWith(Session* session) const;
  absl::Status Prepare(Clock clock, Session* session);
  void Pull(const IterationPlan::Task& task, Session* session);
  absl::Status Begin(Iteration* iteration);
  absl::Status Finish(Clock clock, StopSignals* signals);
  // With the rows of an iteration, which are its own and may be filled in.
  absl::Status Evaluate(Clock clock, Session* session, Parameters* rows);
  absl::Status Push(Clock clock, Session* session);
  void Slow(StopSignals* signals);
  void TellProgress(bool last);
  void TellDone(const ClientCounters& counters);
  void SpendOn(const IterationPlan::Task& task);
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

  IterationPlan plan_;
  bool left_ = false;
  bool leaves_early_ = false;
  std::optional<int> fleet_end_;  // exit code of a fleet that is over, for who is alone
  bool alone_ = false;
  bool quarantined_ = false;  // nothing more is computed, in no life
  std::map<Clock, Iteration> iterations_;
  Parameters gradients_;

  Instant begun_;                      // first iteration
  std::optional<Instant> trained_at_;  // end of the last one, once all are done
  Instant mark_;                       // since when time is not yet accounted for
  Duration spent_[static_cast<size_t>(Spent::kCount)];
  uint64_t rows_ = 0;
  uint64_t clipped_ = 0;
  int64_t max_staleness_ = 0;
  double loss_sum_ = 0;  // since the last progress event
  uint64_t loss_rows_ = 0;
  Instant told_at_;
  uint64_t told_rows_ = 0;
};

}  // namespace rubato
