#include "worker/train/iteration_plan.h"

#include <algorithm>

namespace rubato {

void IterationPlan::Begin(Clock start) {
  alive_ = true;
  clock_ = prepared_ = pulled_ = started_ = begun_ = start;
  finished_ = false;
  rows_.clear();
}

IterationPlan::Task IterationPlan::Next() const {
  if (!alive_) return {Act::kAwaitStart};
  if (clock_ >= calendar_.last_clock) return {Act::kLeave, clock_};
  if (const auto task = Fetch(clock_, clock_)) return *task;
  const auto ahead = Fetch(clock_ + ClockDelta(ahead_.pulled), clock_ + ClockDelta(ahead_.begun));
  if (ahead) return *ahead;
  if (!rows_.contains(clock_)) return {Act::kAwaitRows, clock_};
  return calendar_.IsEvaluation(clock_) ? Evaluate() : Compute();
}

// What is still to do until all up to `last_pulled` are pulled, and of them all up to
// `last_started` are started.
std::optional<IterationPlan::Task> IterationPlan::Fetch(Clock last_pulled,
                                                        Clock last_started) const {
  if (pulled_ <= last_pulled && pulled_ < calendar_.last_clock) {
    if (prepared_ == pulled_) return Task{Act::kPrepare, prepared_};
    return Task{calendar_.IsExact(pulled_) ? Act::kPullExact : Act::kPull, pulled_};
  }
  if (started_ <= last_started && started_ < pulled_) return Task{Act::kStart, started_};
  return std::nullopt;
}

IterationPlan::Task IterationPlan::Compute() const {
  if (finished_) return {Act::kPush, clock_};
  const bool begins = begun_ <= clock_ + ClockDelta(ahead_.begun) && rows_.contains(begun_) &&
                      !calendar_.IsEvaluation(begun_);
  if (begins) return {Act::kBegin, begun_};
  const bool prepares =
      prepared_ <= clock_ + ClockDelta(ahead_.pulled + 1) && prepared_ < calendar_.last_clock;
  if (prepares) return {Act::kPrepare, prepared_};
  return {Act::kFinish, clock_};
}

IterationPlan::Task IterationPlan::Evaluate() const {
  if (!finished_) return {Act::kEvaluate, clock_};
  const bool waits = calendar_.IsBarrier(clock_) && committed_ < clock_;
  return {waits ? Act::kAwaitCommit : Act::kPush, clock_};
}

void IterationPlan::Done(const Task& task) {
  const auto pass = [&](Clock* next) { *next = task.clock.Next(); };
  switch (task.act) {
    case Act::kPrepare:
      return pass(&prepared_);
    case Act::kPull:
    case Act::kPullExact:
      return pass(&pulled_);
    case Act::kStart:
      return pass(&started_);
    case Act::kBegin:
      return pass(&begun_);
    case Act::kFinish:
    case Act::kEvaluate:
      finished_ = true;
      return;
    case Act::kPush:
      finished_ = false;
      rows_.erase(clock_);
      pass(&clock_);
      begun_ = std::max(begun_, clock_);
      return;
    default:  // what is awaited
      return;
  }
}

}  // namespace rubato
