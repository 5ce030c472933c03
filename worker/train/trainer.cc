#include "worker/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "worker/evaluate/evaluation.h"
#include "worker/train/clip.h"

namespace rubato {
namespace {

constexpr Duration kWaitStep = Duration::Millis(100);
constexpr Duration kProgressEvery = Duration::Millis(250);

}  // namespace

Trainer::Trainer(TrainerOptions options, ComputeOn compute, const Dataset* train,
                 const Dataset* validation, EventLog* events)
    : options_(std::move(options)),
      model_(compute.model),
      pipeline_(compute.pipeline),
      train_(train),
      validation_(validation),
      events_(events),
      timetable_(options_.job, options_.seat, train->rows()),
      divergence_(options_.losses, options_.learning_rate, options_.strikes),
      slow_rng_(MixBits(options_.job.seed) ^ options_.seat.value()),
      plan_(options_.job, options_.ahead) {}

absl::StatusOr<int> Trainer::Run(Session* session, StopSignals* signals) {
  alone_ = signals->alone();
  const auto over = [this] { return left_ || fleet_end_; };
  while (!over() && plan_.Next().act == Act::kAwaitStart) {
    RETURN_IF_ERROR(Await(session, signals));
  }
  begun_ = mark_ = told_at_ = MonotonicNow();
  while (!over()) {
    const IterationPlan::Task task = plan_.Next();
    if (task.act == Act::kLeave) NoteTrained();
    if (task.act == Act::kPush) {
      RETURN_IF_ERROR(CheckSignals(session, signals));
      if (session->held_from().value_or(task.clock.Next()) <= task.clock) {
        RETURN_IF_ERROR(Hold(session, signals));
        continue;
      }
    }
    RETURN_IF_ERROR(Do(task, session, signals));
    plan_.Done(task);
    SpendOn(task);
    if (task.act == Act::kPush) TellProgress(false);
    // Rows that came meanwhile may let a step begin ahead.
    RETURN_IF_ERROR(TakeEvents(session));
  }
  TellDone(session->counters());
  return ExitCodeNow();
}

int Trainer::ExitCodeNow() const {
  if (fleet_end_) return *fleet_end_;
  return plan_.clock() < options_.job.last_clock ? kExitStopped : kExitDone;
}

void Trainer::NoteTrained() {
  if (trained_at_) return;
  TellProgress(true);
  trained_at_ = MonotonicNow();
}

absl::Status Trainer::Do(const IterationPlan::Task& task, Session* session, StopSignals* signals) {
  switch (task.act) {
    case Act::kPrepare:
      return Prepare(task.clock, session);
    case Act::kPull:
    case Act::kPullExact:
      Pull(task, session);
      return absl::OkStatus();
    case Act::kStart:
      session->Start(task.clock);
      return absl::OkStatus();
    case Act::kBegin:
      return Begin(&iterations_[task.clock]);
    case Act::kFinish:
      return Finish(task.clock, signals);
    case Act::kEvaluate:
      return Evaluate(task.clock, session, &iterations_[task.clock].ready->rows);
    case Act::kPush:
      return Push(task.clock, session);
    default:
      return Await(session, signals);
  }
}

// Events ------------------------------------------------------------------------------------------

absl::Status Trainer::CheckSignals(Session* session, StopSignals* signals) {
  const int count = signals->Count();
  if (count == 0) return absl::OkStatus();
  if (alone_ && count == 1) {
    if (!std::exchange(leaves_early_, true)) {
      LogInfo(absl::StrFormat("%s: leaves when all that it has pushed is in a snapshot",
                              signals->last_name()));
      session->LeaveWhenDurable();
    }
    return absl::OkStatus();
  }
  return absl::CancelledError(absl::StrFormat("stopped by %s at clock %d of %d",
                                              signals->last_name(), plan_.clock().value(),
                                              options_.job.last_clock.value()));
}

absl::Status Trainer::Await(Session* session, StopSignals* signals) {
  for (;;) {
    if (options_.pulse) options_.pulse(plan_.clock());
    RETURN_IF_ERROR(CheckSignals(session, signals));
    RETURN_IF_ERROR(session->CheckScheduler());
    if (std::optional<ClientEvent> event = session->Next(kWaitStep)) return Take(*std::move(event));
  }
}

// What is computed waits until the snapshot that is asked for is committed, or given up.
absl::Status Trainer::Hold(Session* session, StopSignals* signals) {
  session->NoteWork();
  RETURN_IF_ERROR(CheckSignals(session, signals));
  RETURN_IF_ERROR(session->CheckScheduler());
  std::optional<ClientEvent> event = session->Next(kWaitStep);
  return event ? Take(*std::move(event)) : absl::OkStatus();
}

absl::Status Trainer::TakeEvents(Session* session) {
  while (std::optional<ClientEvent> event = session->Next(Duration())) {
    RETURN_IF_ERROR(Take(*std::move(event)));
  }
  return absl::OkStatus();
}

absl::Status Trainer::Take(ClientEvent event) {
  if (const auto* started = std::get_if<Started>(&event)) {
    return TakeStart(*started);
  } else if (auto* ready = std::get_if<Ready>(&event)) {
    plan_.TakeRows(ready->clock);
    iterations_[ready->clock].ready = std::move(*ready);
  } else if (const auto* committed = std::get_if<Committed>(&event)) {
    plan_.TakeCommit(committed->clock);
  } else if (std::holds_alternative<Left>(event)) {
    left_ = true;
  } else if (const auto* reset = std::get_if<Reset>(&event)) {
    plan_.End();
    LogWarning(absl::StrCat("this life is over, the next one is awaited: ", reset->why));
  } else if (const auto* end = std::get_if<FleetEnded>(&event)) {
    if (alone_) fleet_end_ = end->code;
  } else if (const auto* refused = std::get_if<Refused>(&event)) {
    return absl::FailedPreconditionError(refused->sentence);
  } else if (const auto* taken = std::get_if<SeatTaken>(&event)) {
    return EndFor(*taken);
  } else if (const auto* waiting = std::get_if<Waiting>(&event)) {
    Warn(*waiting);
  } else if (const auto* out = std::get_if<Quarantined>(&event)) {
    quarantined_ = true;
    LogWarning(
        absl::StrFormat("%d iterations had gradients that are no numbers: nothing is "
                        "trained or validated here from clock %d on",
                        out->strikes, out->from.value()));
  }
  return absl::OkStatus();
}

// Nothing is wrong with it where an engine starts processes: the one that the engine still knows
// goes on. A launcher has one process for a seat.
absl::Status Trainer::EndFor(const SeatTaken& taken) {
  if (!alone_) return absl::AbortedError(taken.sentence);
  LogWarning(taken.sentence);
  fleet_end_ = kExitDone;
  return absl::OkStatus();
}

absl::Status Trainer::TakeStart(const Started& started) {
  iterations_.clear();
  gradients_ = {};
  RETURN_IF_ERROR(pipeline_->Clear());
  plan_.Begin(started.start);
  trained_at_.reset();
  divergence_.Begin(options_.job.IndexInEpoch(started.start) == 0 ? DivergenceCheck::Pass::kWhole
                                                                  : DivergenceCheck::Pass::kRest);
  events_->Write(BegunEvent{.life = started.life, .clock = started.start});
  LogInfo(absl::StrFormat("life %d begins at clock %d of %d", started.life.value(),
                          started.start.value(), options_.job.last_clock.value()));
  return absl::OkStatus();
}

void Trainer::Warn(const Waiting& waiting) const {
  const std::string where = absl::StrFormat("iteration %d waits at shard %d", plan_.clock().value(),
                                            waiting.place.value());
  LogWarning(waiting.slowest == kNoLife
                 ? absl::StrCat(where, ", which loads its snapshot")
                 : absl::StrFormat("%s: min_clock %d is held by life %d", where,
                                   waiting.min_clock.value(), waiting.slowest.value()));
}

// Tasks -------------------------------------------------------------------------------------------

// What makes no numbers of training rows makes none that can be trusted of others.
bool Trainer::Evaluates() const {
  return options_.seat == SeatId(0) && validation_->rows() > 0 && !quarantined_;
}

// Long work is seen to go on.
void Trainer::NoteWork(Session* session) const {
  session->NoteWork();
  if (options_.pulse) options_.pulse(plan_.clock());
}

GoOn Trainer::GoOnWith(Session* session) const {
  return [this, session] {
    NoteWork(session);
    return absl::OkStatus();
  };
}

absl::Status Trainer::Prepare(Clock clock, Session* session) {
  NoteWork(session);
  Iteration& iteration = iterations_[clock];
  if (options_.job.IsEvaluation(clock)) {
    if (!Evaluates()) return absl::OkStatus();
    ASSIGN_OR_RETURN(iteration.keys, FindAllKeys(*model_, *validation_, GoOnWith(session)));
    if (options_.untrained) options_.untrained->AddKeys(&iteration.keys);
    return absl::OkStatus();
  }
  if (quarantined_) return absl::OkStatus();  // an empty iteration, as if out of data
  const std::vector<uint64_t> rows = timetable_.Rows(clock);
  iteration.rows = rows.size();
  if (rows.empty()) return absl::OkStatus();  // out of data: an empty iteration
  Batch batch;
  train_->Read(rows, &batch);
  return pipeline_->Prepare(std::move(batch), &iteration.keys);
}

void Trainer::Pull(const IterationPlan::Task& task, Session* session) {
  const auto freshness =
      task.act == Act::kPullExact ? PsClient::Freshness::kExact : PsClient::Freshness::kBounded;
  session->Prefetch(task.clock, std::move(iterations_[task.clock].keys), freshness);
}

absl::Status Trainer::Begin(Iteration* iteration) {
  if (iteration->rows == 0) return absl::OkStatus();
  return pipeline_->Begin(std::move(iteration->ready->rows));
}

absl::Status Trainer::Finish(Clock clock, StopSignals* signals) {
  Iteration& iteration = iterations_[clock];
  if (iteration.rows == 0) return absl::OkStatus();
  max_staleness_ = std::max(max_staleness_, (clock - iteration.ready->oldest_read).value());
  ASSIGN_OR_RETURN(const double loss, pipeline_->Finish(&gradients_));
  RETURN_IF_ERROR(divergence_.Take(loss, iteration.rows, clock));
  iteration.broken = !std::isfinite(loss);
  if (iteration.broken || quarantined_) return absl::OkStatus();  // nothing of it is trained
  rows_ += iteration.rows;
  loss_sum_ += loss * static_cast<double>(iteration.rows);
  loss_rows_ += iteration.rows;
  if (options_.clip_norm > 0 && ClipToNorm(options_.clip_norm, &gradients_)) ++clipped_;
  Slow(signals);
  return absl::OkStatus();
}

absl::Status Trainer::Evaluate(Clock clock, Session* session, Parameters* rows) {
  if (!Evaluates()) return absl::OkStatus();
  if (options_.untrained) options_.untrained->Fill(rows);
  ASSIGN_OR_RETURN(const std::vector<float> prediction,
                   Score(model_, *validation_, *rows, GoOnWith(session)));
  const Target& target = model_->spec().target;
  ASSIGN_OR_RETURN(auto figures,
                   JudgeProgress(target, *validation_, prediction, options_.constant));
  events_->Write(ValidationEvent{.epoch = options_.job.EpochOf(clock),
                                 .clock = clock,
                                 .seconds = (MonotonicNow() - begun_).seconds(),
                                 .figures = std::move(figures)});
  return absl::OkStatus();
}

absl::Status Trainer::Push(Clock clock, Session* session) {
  // Before the last push of a pass: without it nothing of the pass can be committed.
  bool doubted = false;
  if (options_.job.IsEvaluation(clock.Next())) {
    doubted = divergence_.broken();
    RETURN_IF_ERROR(divergence_.EndPass(clock));
  }
  NoteWork(session);
  if (iterations_[clock].broken || doubted) {
    session->PushNothing(clock, doubted ? PsClient::Trust::kNone : PsClient::Trust::kSome);
  } else {
    session->Push(clock, std::move(gradients_));
  }
  gradients_ = {};
  iterations_.erase(clock);
  return absl::OkStatus();
}

// Sleeps, so that a slow worker takes time and not the other workers' cores.
void Trainer::Slow(StopSignals* signals) {
  const Slowness& slowness = options_.slowness;
  double factor = slowness.factor;
  if (slowness.chance > 0) {
    if (slow_left_ == 0 && slow_rng_.Chance(slowness.chance)) slow_left_ = slowness.length;
    if (slow_left_ > 0) {
      --slow_left_;
    } else {
      factor = 1.0;
    }
  }
  const double spent = (MonotonicNow() - mark_).seconds();
  const double target = std::max(spent, slowness.floor_seconds) * factor;
  if (target > spent) signals->Wait(Duration::Seconds(target - spent));
}

// The time since the last task.
void Trainer::SpendOn(const IterationPlan::Task& task) {
  switch (task.act) {
    case Act::kAwaitRows: {
      const std::optional<Ready>& ready = iterations_[task.clock].ready;
      if (ready) Spend(ready->gated ? Spent::kWait : Spent::kPull);
      return;
    }
    case Act::kBegin:
    case Act::kFinish:
      return Spend(Spent::kCompute);
    case Act::kPush:
      return Spend(Spent::kPush);
    case Act::kLeave:  // after the last iteration
      mark_ = MonotonicNow();
      return;
    default:
      return Spend(Spent::kOther);
  }
}

void Trainer::Spend(Spent on) {
  const Instant now = MonotonicNow();
  Duration& spent = spent_[static_cast<size_t>(on)];
  spent = spent + (now - mark_);
  mark_ = now;
}

void Trainer::TellProgress(bool last) {
  const Instant now = MonotonicNow();
  if (!last && now - told_at_ < kProgressEvery) return;
  const double seconds = std::max((now - told_at_).seconds(), 1e-9);
  ProgressEvent event{.clock = plan_.clock(),
                      .epoch = options_.job.EpochBefore(plan_.clock()),
                      .rows = rows_,
                      .max_staleness = max_staleness_,
                      .samples_per_second = static_cast<double>(rows_ - told_rows_) / seconds,
                      .seconds_since_start = (now - begun_).seconds()};
  if (loss_rows_ > 0) event.loss = loss_sum_ / static_cast<double>(loss_rows_);
  events_->Write(event);
  told_at_ = now;
  told_rows_ = rows_;
  loss_sum_ = 0;
  loss_rows_ = 0;
}

// At the very end: what the last pushes took, and what was sent twice, is in these counters.
void Trainer::TellDone(const ClientCounters& counters) {
  const double seconds = (trained_at_.value_or(MonotonicNow()) - begun_).seconds();
  events_->Write(WorkerDoneEvent{
      .seat = options_.seat,
      .rows = rows_,
      .pushes = counters.pushes,
      .resent = counters.resent,
      .max_staleness = max_staleness_,
      .nonfinite = counters.nonfinite,
      .clipped = clipped_,
      .unprotected = counters.unprotected,
      .rows_pulled = counters.rows_pulled,
      .rows_cached = counters.rows_cached,
      .bytes_pulled = counters.bytes_pulled,
      .bytes_pushed = counters.bytes_pushed,
      .samples_per_second = seconds > 0 ? static_cast<double>(rows_) / seconds : 0.0,
      .seconds = TimeSpent()});
}

SecondsSpent Trainer::TimeSpent() const {
  const auto on = [this](Spent what) { return spent_[static_cast<size_t>(what)]; };
  return {.compute = on(Spent::kCompute),
          .wait = on(Spent::kWait),
          .pull = on(Spent::kPull),
          .push = on(Spent::kPush),
          .other = on(Spent::kOther)};
}

}  // namespace rubato
