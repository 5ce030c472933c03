#include "server/scheduler/fleet_telling.h"

#include "common/base/log.h"
#include "common/base/status.h"
#include "common/telemetry/events.h"

namespace rubato {
namespace {

void TellTorn(const SchedulerEvent& event, EventLog* events) {
  events->Write(TornEvent{.seat = SeatId(event.index),
                          .life = event.life,
                          .begin = event.clock,
                          .end = event.clock2,
                          .lost = event.kind == SchedulerEventKind::kLoss});
  LogWarning(absl::StrFormat("iterations %d to %d of worker life %d: %s", event.clock.value(),
                             event.clock2.value() - 1, event.life.value(), event.text));
}

void TellEvicted(const SchedulerEvent& event, EventLog* events) {
  events->Write(EvictedEvent{.seat = SeatId(event.index),
                             .life = event.life,
                             .clock = event.clock,
                             .replaced = event.kind == SchedulerEventKind::kReplaced,
                             .why = event.text});
  LogWarning(absl::StrFormat("worker life %d is out of the fleet at clock %d: %s",
                             event.life.value(), event.clock.value(), event.text));
}

void TellQuarantined(const SchedulerEvent& event, EventLog* events) {
  events->Write(QuarantinedEvent{SeatId(event.index), event.life, event.clock, event.text});
  LogWarning(absl::StrFormat("worker life %d trains nothing from clock %d on: %s",
                             event.life.value(), event.clock.value(), event.text));
}

void TellWarning(const std::string& sentence, EventLog* events) {
  events->Write(WarningEvent{sentence});
  LogWarning(sentence);
}

void TellMissing(const std::string& seats, EventLog* events) {
  TellWarning(absl::StrFormat("seats %s did not join in time: the run goes on without them, until "
                              "they come",
                              seats),
              events);
}

}  // namespace

void TellEvent(const SchedulerEvent& event, const View& view, EventLog* events) {
  const int64_t clock = event.clock.value();
  switch (event.kind) {
    case SchedulerEventKind::kStarted:
      return events->Write(StartedEvent{SeatId(event.index), event.life, event.clock});
    case SchedulerEventKind::kEvicted:
    case SchedulerEventKind::kReplaced:
      return TellEvicted(event, events);
    case SchedulerEventKind::kQuarantined:
      return TellQuarantined(event, events);
    case SchedulerEventKind::kShardServes:
      return events->Write(ServingEvent{PlaceId(event.index), event.life});
    case SchedulerEventKind::kLoadStands:
      events->Write(SilentEvent{PlaceId(event.index), event.text});
      return LogWarning(absl::StrFormat("shard %d %s", event.index, event.text));
    case SchedulerEventKind::kSeatsMissing:
      return TellMissing(event.text, events);
    case SchedulerEventKind::kStoresStand:
      return TellWarning(
          absl::StrCat("training goes on without snapshots: ", event.text, "; check the disk"),
          events);
    case SchedulerEventKind::kCommitted:
      events->Write(CommittedEvent{.snapshot = view.committed.number, .clock = event.clock});
      return LogInfo(absl::StrFormat("committed %s at clock %d", event.text, clock));
    case SchedulerEventKind::kCutWithdrawn:
      return LogInfo(absl::StrFormat("cut at clock %d withdrawn: %s", clock, event.text));
    case SchedulerEventKind::kFleetResume:
      events->Write(FleetResumeEvent{event.clock, event.text});
      return LogWarning(absl::StrFormat("fleet resume at clock %d: %s", clock, event.text));
    case SchedulerEventKind::kTornIterations:
    case SchedulerEventKind::kLoss:
      return TellTorn(event, events);
    case SchedulerEventKind::kPossibleLoss:
      events->Write(PossibleLossEvent{event.life});
      return LogWarning(absl::StrFormat("pushes of worker life %d may be lost: %s",
                                        event.life.value(), event.text));
    case SchedulerEventKind::kLoadFailed:
      return LogWarning(event.text);
    default:
      LogInfo(absl::StrFormat("view %d: life %d, clock %d, %s", view.version.value(),
                              event.life.value(), clock, event.text));
  }
}

}  // namespace rubato
