// V18: after its strikes a worker pushes nothing, no sooner and no later, in whatever life; and who
// is told to is, and no other.
#include "absl/strings/str_cat.h"
#include "tests/sim/world.h"

namespace rubato::sim {

// By its own check, or by the Ack that it is about to be handed.
void World::NoteRefused(WorkerProcess* worker, Clock clock) {
  const std::optional<Clock> before = worker->info.quarantined;
  if (config_.strikes == 0 || before) return;
  worker->refused.insert({worker->machine->life(), clock});
  if (worker->refused.size() >= config_.strikes) NoteQuarantine(worker, worker->machine->clock());
}

void World::NoteQuarantine(WorkerProcess* worker, Clock from) {
  ++stats_.quarantined;
  worker->info.quarantined = from;
  lives_[worker->machine->life()].quarantined = from;
}

void World::CheckQuarantine(WorkerProcess* worker) {
  const PsClient& client = *worker->machine;
  if (client.life() == kNoLife || client.quarantined() == worker->info.quarantined) return;
  Violate("V18", absl::StrCat("life ", client.life().value(), " was refused ",
                              worker->refused.size(), " iterations, and is ",
                              client.quarantined() ? "" : "not ", "in quarantine"));
}

void World::CheckQuarantineTold(const SchedulerEvent& event) {
  if (event.kind == SchedulerEventKind::kNobodyTrains) {
    return Violate("V18", "the run is given up, and seat 0 trains");
  }
  const LifeInfo& info = lives_[event.life];
  if (info.quarantined == event.clock && info.seat == SeatId(event.index)) return;
  Violate("V18", absl::StrCat("life ", event.life.value(), " is told to be in quarantine from ",
                              event.clock.value(), " on, and is not"));
}

}  // namespace rubato::sim
