#include "worker/train/local_trainer.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/telemetry/events.h"
#include "worker/evaluate/evaluation.h"
#include "worker/evaluate/scoring.h"

namespace rubato {
namespace {

constexpr Duration kProgressEvery = Duration::Millis(250);

}  // namespace

LocalTrainer::LocalTrainer(LocalOptions options, LocalCompute compute, LocalData data,
                           EventLog* events)
    : options_(std::move(options)),
      compute_(compute),
      data_(data),
      events_(events),
      timetable_(options_.job, SeatId(0), data.train->rows()),
      divergence_(options_.losses, options_.learning_rate, 0) {}

absl::Status LocalTrainer::Run(StopSignals* signals) {
  begun_ = told_at_ = MonotonicNow();
  for (; clock_ < options_.job.last_clock; clock_ = clock_.Next()) {
    RETURN_IF_ERROR(signals->GoOn());
    RETURN_IF_ERROR(RunIteration(signals));
    const Instant now = MonotonicNow();
    if (now - told_at_ >= kProgressEvery) RETURN_IF_ERROR(TellProgress(now));
  }
  RETURN_IF_ERROR(TellProgress(MonotonicNow()));
  TellDone();
  return absl::OkStatus();
}

absl::Status LocalTrainer::RunIteration(StopSignals* signals) {
  if (options_.job.IsEvaluation(clock_)) {
    RETURN_IF_ERROR(TellProgress(MonotonicNow()));
    RETURN_IF_ERROR(divergence_.EndPass(clock_));
    return Validate(signals);
  }
  const std::vector<uint64_t> rows = timetable_.Rows(clock_);
  if (rows.empty()) return absl::OkStatus();
  data_.train->Read(rows, &batch_);
  RETURN_IF_ERROR(compute_.training->Step(batch_));
  rows_ += rows.size();
  ++steps_;
  return absl::OkStatus();
}

absl::Status LocalTrainer::Validate(StopSignals* signals) {
  if (data_.validation->rows() == 0) return absl::OkStatus();
  const Instant began = MonotonicNow();
  const auto go_on = [signals] { return signals->GoOn(); };
  ASSIGN_OR_RETURN(Parameters keys, FindAllKeys(*compute_.model, *data_.validation, go_on));
  const PullRows read = PullFilled(options_.untrained, [this](Parameters wanted) {
    return compute_.training->Read(std::move(wanted));
  });
  ASSIGN_OR_RETURN(const Parameters weights, read(std::move(keys)));
  ASSIGN_OR_RETURN(const std::vector<float> prediction,
                   Score(compute_.model, *data_.validation, weights, go_on));
  const Target& target = compute_.model->spec().target;
  ASSIGN_OR_RETURN(auto figures,
                   JudgeProgress(target, *data_.validation, prediction, options_.constant));
  const Instant now = MonotonicNow();
  validation_ = validation_ + (now - began);
  events_->Write(ValidationEvent{.epoch = options_.job.EpochOf(clock_),
                                 .clock = clock_,
                                 .seconds = (now - begun_).seconds(),
                                 .figures = std::move(figures)});
  return absl::OkStatus();
}

absl::Status LocalTrainer::TellProgress(Instant now) {
  const double seconds = std::max((now - told_at_).seconds(), 1e-9);
  ProgressEvent event{.clock = clock_,
                      .epoch = options_.job.EpochBefore(clock_),
                      .rows = rows_,
                      .samples_per_second = static_cast<double>(rows_ - told_rows_) / seconds,
                      .seconds_since_start = (now - begun_).seconds()};
  if (rows_ > told_rows_) {
    ASSIGN_OR_RETURN(const double loss, compute_.training->TakeLoss());
    RETURN_IF_ERROR(divergence_.Take(loss, rows_ - told_rows_, clock_));
    event.loss = loss;
  }
  events_->Write(event);
  told_at_ = now;
  told_rows_ = rows_;
  return absl::OkStatus();
}

// TellProgress has waited for the last step.
void LocalTrainer::TellDone() {
  const Duration all = MonotonicNow() - begun_;
  const double seconds = all.seconds();
  events_->Write(WorkerDoneEvent{
      .seat = SeatId(0),
      .rows = rows_,
      .pushes = steps_,
      .samples_per_second = seconds > 0 ? static_cast<double>(rows_) / seconds : 0.0,
      .seconds = {.compute = all - validation_, .other = validation_}});
}

}  // namespace rubato
