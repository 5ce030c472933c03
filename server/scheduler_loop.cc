#include "server/scheduler_loop.h"

#include <utility>

#include "common/log.h"
#include "common/status.h"
#include "server/scheduler_state.h"

namespace rubato {
namespace {

constexpr Duration kTick = Duration::Millis(20);
constexpr Duration kTellViewEvery = Duration::Millis(250);
// After the last commit workers are told and leave; after this long nobody is waited for.
constexpr Duration kLeaveGrace = Duration::Seconds(10);
// The view that seals the last worker gets this long to reach it.
constexpr Duration kLastViews = Duration::Millis(200);
// After a stop signal a snapshot gets this long.
constexpr Duration kStopGrace = Duration::Seconds(60);

}  // namespace

SchedulerState ResumeState(SchedulerState state, uint32_t places) {
  View& view = state.view;
  for (const MemberEntry& member : view.members) state.retired.push_back(member.nonce);
  for (const ShardEntry& shard : view.shards) {
    if (shard.life != kNoLife) state.retired.push_back(shard.nonce);
  }
  view.version = ViewVersion(view.version.value() + 1);
  view.generation = Generation(view.generation.value() + 1);
  view.shards.assign(places, ShardEntry{});
  view.members.clear();
  view.readers.clear();
  view.sealed.clear();
  view.cut.reset();
  view.floor = view.committed.clock;
  state.high_water.clear();
  return state;
}

SchedulerLoop::SchedulerLoop(SchedulerLoopOptions options, SchedulerOptions scheduler,
                             SchedulerState state, EventLog* events)
    : options_(std::move(options)),
      events_(events),
      scheduler_(std::move(scheduler), std::move(state), MonotonicNow()) {}

absl::StatusOr<std::unique_ptr<SchedulerLoop>> SchedulerLoop::Open(SchedulerLoopOptions options,
                                                                   SchedulerOptions scheduler,
                                                                   SchedulerState state,
                                                                   EventLog* events) {
  if (!options.state_path.empty()) {
    RETURN_IF_ERROR(WriteSchedulerState(options.state_path, state));
  }
  std::unique_ptr<SchedulerLoop> loop(
      new SchedulerLoop(std::move(options), std::move(scheduler), std::move(state), events));
  ASSIGN_OR_RETURN(loop->endpoint_,
                   Endpoint::Open({.self = kSchedulerNonce, .listen = loop->options_.listen}));
  events->Write(Event("listening").Text("address", loop->endpoint_->address()));
  return loop;
}

absl::StatusOr<RunEnd> SchedulerLoop::Run(StopSignals* signals) {
  const bool serves = options_.state_path.empty();
  int heard = 0;
  Instant stop_by;
  EpochId epoch_at_stop;
  while (!serves || heard == 0) {
    RETURN_IF_ERROR(Step(kTick));
    const Instant now = MonotonicNow();
    if (!serves && Done(now)) {
      TellDone();
      return heard > 0 ? RunEnd::kStopped : RunEnd::kFinished;
    }
    if (signals->Count() > heard) {
      heard = signals->Count();
      stop_by = now + kStopGrace;
      epoch_at_stop = scheduler_.view().committed.epoch;
      SchedulerOutput out;
      if (!serves) scheduler_.RequestSnapshot(now, &out);
      RETURN_IF_ERROR(Flush(&out));
    }
    const bool committed = scheduler_.view().committed.epoch > epoch_at_stop;
    if (heard > 1 || (heard > 0 && !serves && now > stop_by)) return RunEnd::kInterrupted;
    if (heard > 0 && !serves && committed) {
      TellDone();
      return RunEnd::kStopped;
    }
  }
  return RunEnd::kFinished;
}

absl::Status SchedulerLoop::Step(Duration timeout) {
  const std::vector<Decoded> received = endpoint_->Receive(timeout);
  const Instant now = MonotonicNow();
  for (const Decoded& decoded : received) {
    SchedulerOutput out;
    scheduler_.Receive(now, decoded.from, decoded.message, &out);
    RETURN_IF_ERROR(Flush(&out));
  }
  SchedulerOutput out;
  scheduler_.Tick(now, &out);
  RETURN_IF_ERROR(Flush(&out));
  TellView(now);
  if (!scheduler_.finished()) finished_at_ = now;
  if (!scheduler_.finished() || !scheduler_.view().members.empty()) members_at_ = now;
  return lost_;
}

absl::Status SchedulerLoop::Flush(SchedulerOutput* out) {
  if (out->persist && !options_.state_path.empty()) {
    RETURN_IF_ERROR(WriteSchedulerState(options_.state_path, *out->persist));
  }
  // What is not sent now is resent until it is acknowledged.
  for (const Envelope& envelope : out->messages) endpoint_->Send(envelope.to, envelope.message);
  for (const SchedulerEvent& event : out->events) Tell(event);
  return absl::OkStatus();
}

void SchedulerLoop::Tell(const SchedulerEvent& event) {
  const auto life = static_cast<int64_t>(event.life.value());
  switch (event.kind) {
    case SchedulerEventKind::kCommitted:
      events_->Write(
          Event("committed")
              .Int("epoch", static_cast<int64_t>(scheduler_.view().committed.epoch.value()))
              .Int("clock", event.clock.value()));
      LogInfo(absl::StrFormat("committed %s at clock %d", event.text, event.clock.value()));
      return;
    case SchedulerEventKind::kEvicted:
      LogWarning(absl::StrFormat("evicted worker life %d at clock %d: %s", life,
                                 event.clock.value(), event.text));
      return;
    case SchedulerEventKind::kCutWithdrawn:
      LogInfo(absl::StrFormat("cut at clock %d withdrawn: %s", event.clock.value(), event.text));
      return;
    case SchedulerEventKind::kFleetResume:
      LogWarning(absl::StrFormat("fleet resume at clock %d: %s", event.clock.value(), event.text));
      return;
    case SchedulerEventKind::kTornIterations:
    case SchedulerEventKind::kLoss:
      pushes_lost_ += static_cast<uint64_t>((event.clock2 - event.clock).value());
      LogWarning(absl::StrFormat("iterations %d to %d of worker life %d: %s", event.clock.value(),
                                 event.clock2.value() - 1, life, event.text));
      return;
    case SchedulerEventKind::kLoadFailed:
      lost_ = absl::DataLossError(event.text);
      return;
    case SchedulerEventKind::kSeatsMissing:
      lost_ = absl::UnavailableError(absl::StrFormat(
          "seats %s did not join in time: see the logs of those workers", event.text));
      return;
    default:
      LogInfo(absl::StrFormat("view %d: life %d, clock %d, %s", scheduler_.view().version.value(),
                              life, event.clock.value(), event.text));
  }
}

void SchedulerLoop::TellView(Instant now) {
  if (now - told_view_at_ < kTellViewEvery) return;
  told_view_at_ = now;
  const Clock min_clock = scheduler_.known_min_clock();
  events_->Write(Event("view")
                     .Int("min_clock", min_clock.value())
                     .Int("max_clock", (min_clock + scheduler_.known_spread()).value())
                     .Int("committed", scheduler_.view().committed.clock.value()));
}

bool SchedulerLoop::Done(Instant now) const {
  if (!scheduler_.finished()) return false;
  // The last to leave must still hear that it has left.
  return now - finished_at_ > kLeaveGrace || now - members_at_ > kLastViews;
}

void SchedulerLoop::TellDone() {
  const CommittedEpoch& committed = scheduler_.view().committed;
  events_->Write(Event("done")
                     .Int("clock", committed.clock.value())
                     .Int("epoch", static_cast<int64_t>(committed.epoch.value()))
                     .Int("lost", static_cast<int64_t>(pushes_lost_)));
}

}  // namespace rubato
