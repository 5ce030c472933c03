#include "worker/train/trainer.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "worker/evaluate/evaluation.h"

namespace rubato {
namespace {

constexpr Duration kWaitStep = Duration::Millis(100);
constexpr Duration kAnswerWithin = Duration::Seconds(60);
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
      timetable_(options_.job, options_.seat, train->rows(), options_.batch),
      divergence_(options_.prior.ConstantLoss(), options_.learning_rate),
      slow_rng_(MixBits(options_.job.seed) ^ options_.seat.value()) {}

absl::Status Trainer::Run(Session* session, StopSignals* signals) {
  RETURN_IF_ERROR(AwaitStart(session, signals));
  begun_ = mark_ = told_at_ = MonotonicNow();
  while (clock_ < options_.job.last_clock) {
    RETURN_IF_ERROR(RunIteration(session, signals));
    TellProgress(false);
  }
  TellProgress(true);
  trained_at_ = MonotonicNow();
  const absl::Status left = AwaitLeft(session, signals);
  TellDone(session->counters());
  return left;
}

absl::Status Trainer::AwaitStart(Session* session, StopSignals* signals) {
  ASSIGN_OR_RETURN(const Started started, Await<Started>(session, signals));
  clock_ = prepared_ = prefetched_ = started_ = started.start;
  if (options_.job.IndexInEpoch(clock_) != 0) divergence_.BeginMidPass();
  LogInfo(absl::StrFormat("life %d begins at clock %d of %d", started.life.value(),
                          started.start.value(), options_.job.last_clock.value()));
  return absl::OkStatus();
}

template <class Wanted>
absl::StatusOr<Wanted> Trainer::Await(Session* session, StopSignals* signals) {
  const Instant began = MonotonicNow();
  AwakeClock clock(began, kAsleepAfter);
  for (;;) {
    if (signals->Count() > 0) {
      return absl::CancelledError(absl::StrFormat("stopped by %s at clock %d of %d",
                                                  signals->last_name(), clock_.value(),
                                                  options_.job.last_clock.value()));
    }
    if (clock.Read(MonotonicNow()) - began > kAnswerWithin && !session->answered()) {
      return absl::UnavailableError(
          absl::StrFormat("the scheduler did not answer within %d s; start it, or check "
                          "--scheduler",
                          static_cast<int>(kAnswerWithin.seconds())));
    }
    std::optional<ClientEvent> event = session->Next(kWaitStep);
    if (!event) continue;
    if (auto* wanted = std::get_if<Wanted>(&*event)) return std::move(*wanted);
    RETURN_IF_ERROR(Handle(std::move(*event)));
  }
}

absl::Status Trainer::Handle(ClientEvent event) {
  if (auto* ready = std::get_if<Ready>(&event)) {
    iterations_[ready->clock].ready = std::move(*ready);
  } else if (const auto* committed = std::get_if<Committed>(&event)) {
    committed_ = std::max(committed_, committed->clock);
  } else if (const auto* reset = std::get_if<Reset>(&event)) {
    return absl::AbortedError(absl::StrCat("this worker lost its place: ", reset->why));
  } else if (const auto* refused = std::get_if<Refused>(&event)) {
    return absl::FailedPreconditionError(refused->sentence);
  } else if (const auto* waiting = std::get_if<Waiting>(&event)) {
    LogWarning(
        waiting->slowest == kNoLife
            ? absl::StrFormat("iteration %d waits at shard %d, which loads its snapshot",
                              clock_.value(), waiting->place.value())
            : absl::StrFormat("iteration %d waits at shard %d: min_clock %d is held by life %d",
                              clock_.value(), waiting->place.value(), waiting->min_clock.value(),
                              waiting->slowest.value()));
  }
  return absl::OkStatus();
}

// Long work is seen to go on.
GoOn Trainer::GoOnWith(Session* session) {
  return [session] {
    session->NoteWork();
    return absl::OkStatus();
  };
}

absl::Status Trainer::Prepare(Clock clock, Session* session, Iteration* iteration) {
  if (options_.job.IsEvaluation(clock)) {
    const bool evaluates = options_.seat == SeatId(0) && validation_->rows() > 0;
    if (!evaluates) return absl::OkStatus();
    ASSIGN_OR_RETURN(iteration->keys, FindAllKeys(*model_, *validation_, GoOnWith(session)));
    if (options_.untrained) options_.untrained->AddKeys(&iteration->keys);
    return absl::OkStatus();
  }
  const std::vector<uint64_t> rows = timetable_.Rows(clock);
  iteration->rows = rows.size();
  if (rows.empty()) return absl::OkStatus();  // out of data: an empty iteration
  Batch batch;
  train_->Read(rows, &batch);
  return pipeline_->Prepare(std::move(batch), &iteration->keys);
}

absl::Status Trainer::PrepareUpTo(Clock last, Session* session) {
  for (; prepared_ <= last && prepared_ < options_.job.last_clock; prepared_ = prepared_.Next()) {
    RETURN_IF_ERROR(Prepare(prepared_, session, &iterations_[prepared_]));
    session->NoteWork();
  }
  return absl::OkStatus();
}

absl::Status Trainer::PrefetchUpTo(Clock last, Session* session) {
  RETURN_IF_ERROR(PrepareUpTo(last, session));
  for (; prefetched_ <= last && prefetched_ < prepared_; prefetched_ = prefetched_.Next()) {
    const auto freshness = options_.job.IsExact(prefetched_) ? PsClient::Freshness::kExact
                                                             : PsClient::Freshness::kBounded;
    session->Prefetch(prefetched_, std::move(iterations_[prefetched_].keys), freshness);
  }
  return absl::OkStatus();
}

void Trainer::StartUpTo(Clock last, Session* session) {
  for (; started_ <= last && started_ < prefetched_; started_ = started_.Next()) {
    session->Start(started_);
  }
}

// Rows of later iterations may come before those of this one.
absl::Status Trainer::AwaitReady(Session* session, StopSignals* signals) {
  while (!iterations_[clock_].ready) {
    ASSIGN_OR_RETURN(Ready ready, Await<Ready>(session, signals));
    RETURN_IF_ERROR(Handle(std::move(ready)));
  }
  return absl::OkStatus();
}

absl::Status Trainer::RunIteration(Session* session, StopSignals* signals) {
  const Instant began = MonotonicNow();
  RETURN_IF_ERROR(PrefetchUpTo(clock_, session));
  StartUpTo(clock_, session);
  RETURN_IF_ERROR(PrefetchUpTo(clock_ + ClockDelta(options_.prefetch), session));
  StartUpTo(clock_ + ClockDelta(options_.ahead), session);
  Spend(Spent::kOther);
  RETURN_IF_ERROR(AwaitReady(session, signals));
  Iteration& iteration = iterations_[clock_];
  Spend(iteration.ready->gated ? Spent::kWait : Spent::kPull);
  gradients_.clear();
  if (options_.job.IsEvaluation(clock_)) {
    RETURN_IF_ERROR(Evaluate(session, signals, &iteration.ready->rows));
    Spend(Spent::kOther);
  } else if (iteration.rows > 0) {
    max_staleness_ = std::max(max_staleness_, (clock_ - iteration.ready->oldest_read).value());
    RETURN_IF_ERROR(Compute(session, &iteration));
    Slow(began, signals);
    Spend(Spent::kCompute);
  }
  // Before the last push of a pass: without it nothing of the pass can be committed.
  if (options_.job.IsEvaluation(clock_.Next())) RETURN_IF_ERROR(divergence_.EndPass(clock_));
  session->NoteWork();
  session->Push(clock_, std::move(gradients_));
  gradients_ = {};
  iterations_.erase(clock_);
  clock_ = clock_.Next();
  Spend(Spent::kPush);
  return absl::OkStatus();
}

absl::Status Trainer::Begin(Iteration* iteration) {
  if (iteration->step == Iteration::Step::kBegun) return absl::OkStatus();
  iteration->step = Iteration::Step::kBegun;
  return pipeline_->Begin(std::move(iteration->ready->rows));
}

// Of the iterations that follow, those of which the rows are there already, in order.
absl::Status Trainer::BeginAhead(Session* session) {
  while (std::optional<ClientEvent> event = session->Next(Duration::Millis(0))) {
    RETURN_IF_ERROR(Handle(std::move(*event)));
  }
  for (Clock next = clock_.Next(); next <= clock_ + ClockDelta(options_.ahead);
       next = next.Next()) {
    const auto found = iterations_.find(next);
    const bool trains =
        found != iterations_.end() && found->second.ready.has_value() && found->second.rows > 0;
    if (!trains) break;
    RETURN_IF_ERROR(Begin(&found->second));
  }
  return absl::OkStatus();
}

// A GPU computes on its own: meanwhile the next batch is prepared, and the next step begun.
absl::Status Trainer::Compute(Session* session, Iteration* iteration) {
  RETURN_IF_ERROR(Begin(iteration));
  if (options_.ahead > 0) RETURN_IF_ERROR(BeginAhead(session));
  Spend(Spent::kCompute);
  RETURN_IF_ERROR(PrepareUpTo(clock_ + ClockDelta(options_.prefetch + 1), session));
  Spend(Spent::kOther);
  ASSIGN_OR_RETURN(const double loss, pipeline_->Finish(&gradients_));
  rows_ += iteration->rows;
  loss_sum_ += loss * static_cast<double>(iteration->rows);
  loss_rows_ += iteration->rows;
  return divergence_.Take(loss, iteration->rows, clock_);
}

absl::Status Trainer::Evaluate(Session* session, StopSignals* signals, Parameters* rows) {
  if (options_.seat == SeatId(0) && validation_->rows() > 0) {
    if (options_.untrained) options_.untrained->Fill(rows);
    ASSIGN_OR_RETURN(const std::vector<float> probability,
                     Score(model_, *validation_, *rows, GoOnWith(session)));
    ASSIGN_OR_RETURN(
        const Evaluation evaluation,
        rubato::Evaluate(ReadLabels(*validation_), probability, options_.prior.positive_rate));
    events_->Write(
        ValidationEvent{.epoch = options_.job.EpochOf(clock_),
                        .clock = clock_,
                        .seconds = (MonotonicNow() - begun_).seconds(),
                        .figures = {{"auc", evaluation.auc}, {"logloss", evaluation.logloss}}});
  }
  while (options_.job.IsBarrier(clock_) && committed_ < clock_) {
    ASSIGN_OR_RETURN(const Committed committed, Await<Committed>(session, signals));
    committed_ = std::max(committed_, committed.clock);
  }
  return absl::OkStatus();
}

// Sleeps, so that a slow worker takes time and not the other workers' cores.
void Trainer::Slow(Instant began, StopSignals* signals) {
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
  const double spent = (MonotonicNow() - std::max(began, mark_)).seconds();
  const double target = std::max(spent, slowness.floor_seconds) * factor;
  if (target > spent) signals->Wait(Duration::Seconds(target - spent));
}

absl::Status Trainer::AwaitLeft(Session* session, StopSignals* signals) {
  return Await<Left>(session, signals).status();
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
  ProgressEvent event{.clock = clock_,
                      .epoch = options_.job.EpochBefore(clock_),
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
  const double seconds = (trained_at_ - begun_).seconds();
  events_->Write(WorkerDoneEvent{
      .seat = options_.seat,
      .rows = rows_,
      .pushes = counters.pushes,
      .resent = counters.resent,
      .max_staleness = max_staleness_,
      .nonfinite = counters.nonfinite,
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
