// Readers of a simulated world: evaluation and predict. They read the weights of some clock once
// and leave, or die.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/sim/world.h"

namespace rubato::sim {

void World::SpawnReader() {
  workers_.push_back(std::make_unique<WorkerProcess>());
  WorkerProcess* reader = workers_.back().get();
  reader->role = Role::kReader;
  reader->clock = DrawClock();
  PsClientOptions options = ClientOptions();
  options.role = Role::kReader;
  reader->machine = std::make_unique<MutatedClient>(options, rng_.Next(), Now(reader));
  TickWorker(reader);
}

void World::CrashReader() {
  for (const auto& reader : workers_) {
    if (reader->role != Role::kReader || !reader->alive || reader->machine->left()) continue;
    Log(absl::StrCat("reader crashes, life ", reader->machine->life().value()));
    reader->alive = false;
    return;
  }
}

// What it reads at C holds all of [J, C) of every member; at the last clock, and with
// C beyond all that has begun, it waits for the others.
void World::HandleReader(WorkerProcess* reader, const ClientEvent& event) {
  const View& view = scheduler_disk_.view;
  if (std::holds_alternative<Started>(event)) {
    const int64_t clocks[] = {0, config_.last_clock / 2, config_.last_clock};
    reader->info.places = static_cast<uint32_t>(reader->machine->view().shards.size());
    reader->info.generation = reader->machine->view().generation;
    ClientOutput out;
    reader->machine->Read(Now(reader), Clock(clocks[rng_.Below(3)]),
                          Ledger::AllKeys(ReadableRows(reader->info.places)), &out);
    return Flush(reader, &out);
  }
  const auto* ready = std::get_if<Ready>(&event);
  if (ready == nullptr) return;
  ++stats_.reader_reads;
  const Life life = reader->machine->life();
  const bool in_view = std::any_of(view.readers.begin(), view.readers.end(),
                                   [&](const ReaderEntry& r) { return r.life == life; });
  if (in_view && reader->info.generation == view.generation) {
    CheckAbandoned(reader, *ready);
    CheckHolds(reader, ready->rows[0], {ready->clock, std::nullopt});
  }
  ClientOutput out;
  reader->machine->Leave(&out);
  Flush(reader, &out);
}

}  // namespace rubato::sim
