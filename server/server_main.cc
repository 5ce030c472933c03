// rubato-server: one or more shards of the model, one thread each. Started by launch/rubato.
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "common/base/open_files.h"
#include "common/base/status.h"
#include "common/base/stop_signals.h"
#include "common/base/thread.h"
#include "common/job/job.h"
#include "common/process/begin.h"
#include "common/process/process.h"
#include "common/telemetry/events.h"
#include "common/telemetry/telemetry.h"
#include "common/wire/address.h"
#include "common/wire/endpoint.h"
#include "server/scheduler/admission.h"
#include "server/shard/server_loop.h"

namespace rubato {
namespace {

struct Arguments {
  StartFlags start;
  bool serve = false;
  float rate_factor = 1.0F;
  uint32_t servers_on_host = 1;
};

// Of one server, in a row: all of the same number.
std::vector<PlaceId> PlacesOf(const Beginning& beginning) {
  const uint32_t each = beginning.run.fleet.shards_per_server;
  std::vector<PlaceId> places;
  for (uint32_t i = 0; i < each; ++i) places.emplace_back(beginning.start.index.index * each + i);
  return places;
}

// Shards of one process listen side by side: ipc paths get the place as their ending, tcp ports
// count up.
std::string AddressOf(const std::string& address, const std::vector<PlaceId>& places,
                      uint32_t index) {
  if (places.size() == 1 || address.rfind("ipc://", 0) != 0) return AddressBeside(address, index);
  return absl::StrCat(address, "-", places[index].value());
}

ShardDone DoneOf(const Shard& shard) {
  const ShardCounters& counters = shard.counters();
  ShardDone done{.place = shard.place(),
                 .pushes = counters.pushes_applied,
                 .rows_applied = counters.rows_applied,
                 .pulls = counters.pulls_answered,
                 .duplicates_refused = counters.duplicates_refused,
                 .nonfinite_refused = counters.nonfinite_refused,
                 .cuts = counters.cuts,
                 .staleness_histogram = counters.staleness,
                 .influences = shard.influences()};
  for (const auto& table : shard.tables()) done.rows += table->StoredRows();
  return done;
}

using Loops = std::vector<std::unique_ptr<ServerLoop>>;

void TellDone(const Loops& loops, EventLog* events) {
  ServerDoneEvent done;
  for (const auto& loop : loops) done.shards.push_back(DoneOf(loop->shard()));
  events->Write(done);
}

// A server of a whole run is ended by a signal, too: there is nothing wrong with that.
absl::StatusOr<int> EndOf(const Loops& loops, const Job& job, StopSignals* signals) {
  for (const auto& loop : loops) {
    if (loop->fleet_end()) return *loop->fleet_end();
  }
  const Clock committed = loops[0]->shard().view().committed.clock;
  if (committed >= job.last_clock) return kExitDone;
  if (signals->alone() && signals->Count() == 1) return kExitStopped;
  return absl::CancelledError(
      absl::StrFormat("stopped by %s before the end of the run; clock %d "
                      "of %d is committed",
                      signals->last_name(), committed.value(), job.last_clock.value()));
}

// One shard for each place of this server.
absl::StatusOr<Loops> OpenLoops(const Arguments& arguments, const Beginning& beginning,
                                SnapshotStore* store, const Frame& frame) {
  const Start& start = beginning.start;
  const std::vector<PlaceId> places = PlacesOf(beginning);
  Loops loops;
  for (uint32_t i = 0; i < places.size(); ++i) {
    ServerLoopOptions options;
    options.job = beginning.job;
    options.rate_factor = arguments.rate_factor;
    options.place = places[i];
    options.process = frame.stream->process();
    options.events = frame.events;
    options.pulse = frame.notifier->Watch(beginning.job.last_clock);
    options.serves = arguments.serve;
    options.alone = frame.signals->alone();
    options.listen = AddressOf(start.listen->value, places, i);
    if (start.advertise) options.advertise = AddressOf(start.advertise->value, places, i);
    options.scheduler = start.scheduler->value;
    options.keys = beginning.keys;
    ASSIGN_OR_RETURN(auto loop, ServerLoop::Open(std::move(options), store));
    loops.push_back(std::move(loop));
  }
  return loops;
}

// What a signal means. The first one to a process that is alone leaves time for a snapshot.
void Heed(StopSignals* signals, const Loops& loops, bool serves, std::atomic<bool>* stop) {
  const int count = signals->Count();
  if (count == 0) return;
  if (!signals->alone() || serves || count > 1) {
    *stop = true;
  } else {
    for (const auto& loop : loops) loop->Leave();
  }
}

// Each on a thread of its own, until all have ended or a signal stops them.
absl::Status RunLoops(const Loops& loops, StopSignals* signals, bool serves) {
  std::atomic<bool> stop = false;
  std::atomic<int> running = static_cast<int>(loops.size());
  std::vector<absl::Status> ends(loops.size());
  std::vector<std::thread> threads;
  const auto end = [&](size_t i, absl::Status status) {
    ends[i] = std::move(status);
    // A server without one of its shards is of no use.
    if (!ends[i].ok() || loops[i]->fleet_end()) stop = true;
    --running;
  };
  for (size_t i = 0; i < loops.size(); ++i) {
    auto thread = StartThread([&, i] { end(i, loops[i]->Run(stop)); });
    if (thread.ok()) {
      threads.push_back(*std::move(thread));
    } else {
      end(i, thread.status());
    }
  }
  while (running > 0) {
    Heed(signals, loops, serves, &stop);
    signals->Wait(Duration::Millis(10));
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& status : ends) RETURN_IF_ERROR(status);
  return absl::OkStatus();
}

// The number of shards stands in two files, which one command writes.
absl::Status CheckShards(const Beginning& beginning) {
  const FleetSection& fleet = beginning.run.fleet;
  if (fleet.servers * fleet.shards_per_server == beginning.job.places) return absl::OkStatus();
  return absl::DataLossError(absl::StrFormat(
      "%s: job.json has %d shards, and config.json %d servers of %d; write them anew with "
      "`rubato-data prepare RUN --out %s --resume`",
      beginning.run.folder, beginning.job.places, fleet.servers, fleet.shards_per_server,
      beginning.run.folder));
}

absl::StatusOr<int> Serve(const Arguments& arguments, const Beginning& beginning,
                          const Frame& frame) {
  RETURN_IF_ERROR(CheckShards(beginning));
  const Job& job = beginning.job;
  const uint32_t shards = beginning.run.fleet.shards_per_server;
  RETURN_IF_ERROR(
      NeedOpenFiles(shards * FilesOfEndpoint(PeersOfShard(job)),
                    absl::StrFormat("a server of %d shards for %d workers", shards, job.seats)));
  if (!IsLocal(beginning.start.scheduler->value)) {  // else the scheduler has asked for all
    const FleetFor purpose = arguments.serve ? FleetFor::kReaders : FleetFor::kTraining;
    RETURN_IF_ERROR(CheckServersFit(job, purpose,
                                    {.servers = arguments.servers_on_host, .shards = shards}, {}));
  }
  const std::string snapshots = beginning.run.folder + "/snapshots";
  ASSIGN_OR_RETURN(const auto store, arguments.serve ? OpenSnapshotStoreToRead(snapshots)
                                                     : OpenSnapshotStore(snapshots));
  ASSIGN_OR_RETURN(const Loops loops, OpenLoops(arguments, beginning, store.get(), frame));
  frame.events->Write(ListeningEvent{loops[0]->address()});
  frame.notifier->Ready();
  RETURN_IF_ERROR(RunLoops(loops, frame.signals, arguments.serve));
  TellDone(loops, frame.events);
  return EndOf(loops, job, frame.signals);
}

int Main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Rubato's server: shards of a model in memory, with snapshots");
  AddStartFlags(StartRole::kServer, &app, &arguments.start);
  app.add_option("--servers-on-host", arguments.servers_on_host,
                 "servers of this fleet that share this host's memory, this one among them")
      ->check(CLI::PositiveNumber);
  app.add_flag("--serve", arguments.serve, "no training: nothing in the run folder is changed");
  app.add_option("--rate-factor", arguments.rate_factor, "of the learning rates of the run")
      ->check(CLI::Range(0.0F, 1.0F));
  const auto starter = [&arguments](const Surroundings& around) {
    return Starter{StartRole::kServer, arguments.start, around};
  };
  const auto work = [&](const Frame& frame) -> absl::StatusOr<int> {
    ASSIGN_OR_RETURN(const Beginning beginning, Begin(starter(frame.around), frame));
    return Serve(arguments, beginning, frame);
  };
  const auto name = [&](const Surroundings& around) { return NameOf(starter(around)); };
  return RunProcess({.app = &app, .name = name, .work = work}, argc, argv);
}

}  // namespace
}  // namespace rubato

int main(int argc, char** argv) { return rubato::Main(argc, argv); }
