#include "server/scheduler/scheduler_loop.h"

#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "common/telemetry/door_events.h"
#include "common/telemetry/events.h"
#include "common/telemetry/key_uses.h"
#include "common/wire/address.h"
#include "common/wire/patience.h"
#include "server/scheduler/fleet_telling.h"
#include "server/scheduler/scheduler_state.h"

namespace rubato {
namespace {

constexpr Duration kTick = Duration::Millis(20);
constexpr Duration kTellViewEvery = Duration::Millis(250);
// After the last commit workers are told and leave; after this long nobody is waited for.
constexpr Duration kLeaveGrace = Duration::Seconds(10);
// After a stop signal a snapshot gets this long, and longer while it is being written.
constexpr Duration kStopGrace = Duration::Seconds(60);
// When all is over, for the last events of others.
constexpr Duration kLastWords = Duration::Seconds(5);
constexpr Duration kSaveAgainAfter = Duration::Millis(500);
// Once all is trained, a disk that refuses this many tries in a row ends the run.
constexpr int kLastSaveTries = 20;

}  // namespace

SchedulerLoop::SchedulerLoop(SchedulerLoopOptions options, SchedulerOptions scheduler,
                             SchedulerState state, EventLog* events)
    : options_(std::move(options)),
      lease_(scheduler.lease),
      events_(events),
      lines_(scheduler.job, events),
      orders_(options_.state_path.empty(), events),
      scheduler_(std::move(scheduler), std::move(state), MonotonicNow()),
      ahead_(kSaveAgainAfter),
      clock_(MonotonicNow(), kAsleepAfter),
      shards_(lease_, clock_.Read(MonotonicNow())) {}

absl::StatusOr<std::unique_ptr<SchedulerLoop>> SchedulerLoop::Open(SchedulerLoopOptions options,
                                                                   SchedulerOptions scheduler,
                                                                   SchedulerState state,
                                                                   EventLog* events) {
  if (!options.state_path.empty() && !options.state_kept) {
    RETURN_IF_ERROR(WriteSchedulerState(options.state_path, state));
  }
  // All shards, all workers, a reader; and their processes' telemetry.
  const uint64_t peers = 2 * (uint64_t{scheduler.job.places} + scheduler.job.seats + 1);
  std::unique_ptr<SchedulerLoop> loop(
      new SchedulerLoop(std::move(options), std::move(scheduler), std::move(state), events));
  ASSIGN_OR_RETURN(loop->endpoint_, Endpoint::Open({.self = kSchedulerNonce,
                                                    .listen = loop->options_.listen,
                                                    .peers = peers,
                                                    .keys = loop->options_.keys}));
  std::string address = loop->endpoint_->address();
  if (!loop->options_.advertise.empty()) {
    ASSIGN_OR_RETURN(address, AdvertisedAddress(address, loop->options_.advertise));
  }
  events->Write(ListeningEvent{std::move(address)});
  return loop;
}

absl::StatusOr<RunEnd> SchedulerLoop::Run(StopSignals* signals) {
  const bool serves = options_.state_path.empty();
  const bool over = options_.processes > 0 && !serves && scheduler_.finished();
  if (over) {
    LogInfo(absl::StrFormat("clock %d is committed and the run is over: whoever starts is told so",
                            scheduler_.view().committed.clock.value()));
  }
  absl::StatusOr<RunEnd> end = RunToEnd(signals);
  const absl::Status& status = end.status();
  const int code = absl::IsCancelled(status)  ? 128 + signals->last()
                   : !status.ok()             ? ExitCode(status)
                   : *end == RunEnd::kStopped ? kExitStopped
                                              : kExitDone;
  if (over && end.ok()) {
    EndLatecomers(code, signals);
  } else {
    EndFleet(code, signals);
  }
  TellKeyUses(endpoint_->uses(), events_);
  return end;
}

// Whoever speaks is told, until all who are there have heard it and have told their end, which who
// died cannot: or for kLastWords, or until another signal. Who is there and cannot be reached has
// not come back yet to a scheduler that has taken the place of another.
void SchedulerLoop::EndFleet(int code, StopSignals* signals) {
  const FleetEnd message{static_cast<uint32_t>(code)};
  std::set<Nonce> unreached;
  const auto tell = [&](Nonce nonce) {
    const bool reached = endpoint_->Send(nonce, message) != SendResult::kUnknownPeer;
    if (!reached && options_.processes > 0) unreached.insert(nonce);
  };
  for (const ShardEntry& shard : scheduler_.view().shards) {
    if (shard.life != kNoLife) tell(shard.nonce);
  }
  for (const MemberEntry& member : scheduler_.view().members) tell(member.nonce);
  const Duration patience = signals->Count() > 1 ? Duration() : kLastWords;
  TellEnd(message, patience, signals, [&](std::optional<Nonce> told) {
    if (told) unreached.erase(*told);
    return unreached.empty() && lines_.AllEnded();
  });
}

// Of a run that was over when it was started again, with all its processes or some of them.
void SchedulerLoop::EndLatecomers(int code, StopSignals* signals) {
  TellEnd({static_cast<uint32_t>(code)}, SchedulerPatience::kLimit, signals,
          [&](std::optional<Nonce>) { return lines_.ended() >= options_.processes; });
}

// `done` is asked with each who has been told, and now and then.
void SchedulerLoop::TellEnd(const FleetEnd& message, Duration patience, StopSignals* signals,
                            const std::function<bool(std::optional<Nonce>)>& done) {
  const int heard = signals->Count();
  const Instant until = MonotonicNow() + patience;
  while (!done(std::nullopt) && MonotonicNow() < until && signals->Count() == heard) {
    if (options_.pulse) options_.pulse(scheduler_.known_min_clock());
    for (const Decoded& decoded : endpoint_->Receive(kTick)) {
      if (const auto* told = std::get_if<Telemetry>(&decoded.message)) {
        endpoint_->Send(decoded.from, Take(decoded.from, *told));
      } else if (endpoint_->Send(decoded.from, message) == SendResult::kSent) {
        done(decoded.from);
      }
    }
  }
}

TelemetryAck SchedulerLoop::Take(Nonce from, const Telemetry& told) {
  return lines_.Take(from, told, scheduler_.Superseded(from));
}

absl::StatusOr<RunEnd> SchedulerLoop::RunToEnd(StopSignals* signals) {
  const bool serves = options_.state_path.empty();
  int heard = 0;
  int wishes = 0;
  Instant stop_by;
  SnapshotNumber committed_at_stop;
  Instant stored = scheduler_.stored_at();
  while (!serves || heard == 0) {
    RETURN_IF_ERROR(Step(kTick, signals));
    if (!serves && Done()) {
      TellDone();
      return heard > 0 ? RunEnd::kStopped : RunEnd::kFinished;
    }
    if (signals->Count() > heard) {
      heard = signals->Count();
      stop_by = awake_ + kStopGrace;
      committed_at_stop = scheduler_.view().committed.number;
      if (!serves) RequestSnapshot();
    }
    if (signals->Wishes() > wishes) {
      wishes = signals->Wishes();
      if (!serves) RequestSnapshot();
    }
    if (scheduler_.stored_at() != stored) {
      stored = scheduler_.stored_at();
      stop_by = awake_ + kStopGrace;
    }
    if (heard > 1 || (heard > 0 && !serves && awake_ > stop_by)) {
      return StoppedAtOnce(heard, signals->last_name());
    }
    if (heard > 0 && !serves && Saved(committed_at_stop)) {
      TellDone();
      LogInfo(absl::StrFormat("stopped by %s, and all before clock %d is kept; go on with --resume",
                              signals->last_name(), scheduler_.view().committed.clock.value()));
      return RunEnd::kStopped;
    }
  }
  return RunEnd::kFinished;
}

// Whether all that was trained is in the committed snapshot, as far as a stop waits for that.
bool SchedulerLoop::Saved(SnapshotNumber committed_at_stop) const {
  return ahead_.durable() &&
         (scheduler_.NothingTrained() || scheduler_.view().committed.number > committed_at_stop);
}

absl::Status SchedulerLoop::StoppedAtOnce(int signals, const std::string& by) {
  if (signals > 1) return absl::CancelledError("stopped at once by a second signal");
  return absl::CancelledError(
      absl::StrFormat("stopped by %s, and no snapshot was whole %d s after the shards last wrote "
                      "anything",
                      by, static_cast<int>(kStopGrace.seconds())));
}

void SchedulerLoop::RequestSnapshot() {
  const Instant now = MonotonicNow();
  SchedulerOutput out;
  scheduler_.RequestSnapshot(now, &out);
  Flush(now, std::move(out));
}

// What is not the machine's to answer.
bool SchedulerLoop::Answer(const Decoded& decoded, StopSignals* signals) {
  if (const auto* told = std::get_if<Telemetry>(&decoded.message)) {
    endpoint_->Send(decoded.from, Take(decoded.from, *told));
    return true;
  }
  if (const auto* order = std::get_if<Order>(&decoded.message)) {
    endpoint_->Send(decoded.from, orders_.Take(*order, signals));
    return true;
  }
  return false;
}

absl::Status SchedulerLoop::Step(Duration timeout, StopSignals* signals) {
  const std::vector<Decoded> received = endpoint_->Receive(timeout);
  const Instant now = MonotonicNow();
  awake_ = clock_.Read(now);
  for (const Decoded& decoded : received) {
    if (Answer(decoded, signals)) continue;
    SchedulerOutput out;
    scheduler_.Receive(now, decoded.from, decoded.message, &out);
    shards_.Heard(awake_, scheduler_.view().shards, decoded.from);
    Flush(now, std::move(out));
  }
  SchedulerOutput out;
  scheduler_.Tick(now, &out);
  Flush(now, std::move(out));
  TellView();
  TellSilence();
  TellRefusals(now);
  if (options_.pulse) options_.pulse(scheduler_.known_min_clock());
  if (!scheduler_.finished()) finished_at_ = awake_;
  RETURN_IF_ERROR(lost_);
  RETURN_IF_ERROR(CheckDisk());
  return shards_.Check(awake_, scheduler_.view().shards);
}

void SchedulerLoop::Flush(Instant now, SchedulerOutput out) {
  if (options_.state_path.empty()) out.persist.reset();
  ahead_.Take(std::move(out));
  if (const SchedulerState* state = ahead_.Due(now)) Save(now, *state);
  const WriteAhead::Released released = ahead_.Release();
  // The events first: what another process writes when it hears a message is then later in time.
  for (const SchedulerEvent& event : released.events) Tell(event);
  for (const Envelope& envelope : released.messages) endpoint_->Send(envelope.to, envelope.message);
}

void SchedulerLoop::Save(Instant now, const SchedulerState& state) {
  ahead_.Written(now, WriteSchedulerState(options_.state_path, state));
  if (ahead_.failures() != 1) return;  // of a row the first is told
  const std::string sentence = absl::StrCat("nothing can be committed, training goes on: ",
                                            std::string(ahead_.error().message()));
  events_->Write(WarningEvent{sentence});
  LogWarning(sentence);
}

// But for the last commit.
bool SchedulerLoop::Trained() const {
  return scheduler_.finished() || scheduler_.known_min_clock() >= scheduler_.job().last_clock;
}

absl::Status SchedulerLoop::CheckDisk() const {
  if (!Trained() || ahead_.failures() < kLastSaveTries) return absl::OkStatus();
  return absl::AbortedError(
      absl::StrCat("the last snapshot cannot be committed: ", std::string(ahead_.error().message()),
                   ", then go on with --resume"));
}

// Only what nobody can repair while the fleet lives ends the run.
absl::Status SchedulerLoop::LostBy(const SchedulerEvent& event) const {
  const bool serves = options_.state_path.empty();
  if (serves && event.kind == SchedulerEventKind::kReaderHangs) {
    return absl::UnavailableError(
        absl::StrFormat("the reader (life %d) lives and has done nothing for too long: see its log",
                        event.life.value()));
  }
  if (event.kind == SchedulerEventKind::kNobodyTrains) {
    return absl::OutOfRangeError(absl::StrFormat(
        "training diverged at clock %d: the gradients of every worker are no numbers "
        "(train.strikes); lower optimizer.learning_rate",
        event.clock.value()));
  }
  if (Trained() && event.kind == SchedulerEventKind::kStoresStand) {
    return absl::AbortedError(
        absl::StrCat(event.text, ": check the disk, and go on with --resume"));
  }
  return absl::OkStatus();
}

void SchedulerLoop::Tell(const SchedulerEvent& event) {
  if (const absl::Status lost = LostBy(event); !lost.ok()) lost_ = lost;
  TellEvent(event, scheduler_.view(), events_);
}

void SchedulerLoop::TellSilence() {
  for (const PlaceId place : shards_.Silent(awake_, scheduler_.view().shards)) {
    const SilentEvent event{place, absl::StrFormat("has said nothing for %g s", lease_.seconds())};
    LogWarning(absl::StrFormat("shard %d %s", place.value(), event.why));
    events_->Write(event);
  }
}

void SchedulerLoop::TellRefusals(Instant now) {
  const std::optional<Refusals> refused = refusals_.Look(endpoint_->counts(), now);
  if (!refused) return;
  events_->Write(RefusedEvent{refused->connections, refused->messages, refused->why});
}

void SchedulerLoop::TellView() {
  if (awake_ - told_view_at_ < kTellViewEvery) return;
  told_view_at_ = awake_;
  const Clock min_clock = scheduler_.known_min_clock();
  events_->Write(ViewEvent{.min_clock = min_clock,
                           .max_clock = min_clock + scheduler_.known_spread(),
                           .committed = scheduler_.view().committed.clock,
                           .quarantined = scheduler_.quarantined()});
}

bool SchedulerLoop::Done() const {
  if (!scheduler_.finished() || !ahead_.durable()) return false;
  return scheduler_.view().members.empty() || awake_ - finished_at_ > kLeaveGrace;
}

void SchedulerLoop::TellDone() {
  const CommittedSnapshot& committed = scheduler_.view().committed;
  events_->Write(SchedulerDoneEvent{.clock = committed.clock,
                                    .snapshot = committed.number,
                                    .lost = scheduler_.state().pushes_lost});
}

}  // namespace rubato
