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
#include "common/process/process.h"
#include "common/telemetry/events.h"
#include "common/telemetry/telemetry.h"
#include "common/wire/address.h"
#include "common/wire/endpoint.h"
#include "server/shard/server_loop.h"

namespace rubato {
namespace {

struct Arguments {
  std::string run;
  std::string scheduler;
  std::string listen;
  std::string advertise;
  std::vector<uint32_t> places;
  bool serve = false;
  float rate_factor = 1.0F;
};

// Shards of one process listen side by side: ipc paths get the place as their ending, tcp ports
// count up.
std::string AddressOf(const Arguments& arguments, const std::string& address, uint32_t index) {
  if (arguments.places.size() == 1 || address.rfind("ipc://", 0) != 0) {
    return AddressBeside(address, index);
  }
  return absl::StrCat(address, "-", arguments.places[index]);
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
                 .staleness_histogram = counters.staleness};
  for (const auto& table : shard.tables()) done.rows += table->StoredRows();
  return done;
}

void TellDone(const std::vector<std::unique_ptr<ServerLoop>>& loops, EventLog* events) {
  ServerDoneEvent done;
  for (const auto& loop : loops) done.shards.push_back(DoneOf(loop->shard()));
  events->Write(done);
}

// A server of a whole run is ended by a signal, too: there is nothing wrong with that.
absl::Status EndOf(const std::vector<std::unique_ptr<ServerLoop>>& loops, const Job& job,
                   const StopSignals& signals) {
  const Clock committed = loops[0]->shard().view().committed.clock;
  if (committed >= job.last_clock) return absl::OkStatus();
  return absl::CancelledError(
      absl::StrFormat("stopped by %s before the end of the run; clock %d "
                      "of %d is committed",
                      signals.last_name(), committed.value(), job.last_clock.value()));
}

using Loops = std::vector<std::unique_ptr<ServerLoop>>;

// One shard for each place that was asked for.
absl::StatusOr<Loops> OpenLoops(const Arguments& arguments, const Job& job, SnapshotStore* store,
                                EventLog* events) {
  Loops loops;
  for (uint32_t i = 0; i < arguments.places.size(); ++i) {
    const uint32_t place = arguments.places[i];
    if (place >= job.places) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "--place %d: the run in %s has places 0 to %d", place, arguments.run, job.places - 1));
    }
    ServerLoopOptions options;
    options.job = job;
    options.rate_factor = arguments.rate_factor;
    options.place = PlaceId(place);
    options.events = events;
    options.serves = arguments.serve;
    options.listen = AddressOf(arguments, arguments.listen, i);
    options.advertise = AddressOf(arguments, arguments.advertise, i);
    options.scheduler = arguments.scheduler;
    ASSIGN_OR_RETURN(auto loop, ServerLoop::Open(std::move(options), store));
    loops.push_back(std::move(loop));
  }
  return loops;
}

// Each on a thread of its own, until all have ended or a signal stops them.
absl::Status RunLoops(const Loops& loops, StopSignals* signals) {
  std::atomic<bool> stop = false;
  std::atomic<int> running = static_cast<int>(loops.size());
  std::vector<absl::Status> ends(loops.size());
  std::vector<std::thread> threads;
  const auto end = [&](size_t i, absl::Status status) {
    ends[i] = std::move(status);
    if (!ends[i].ok()) stop = true;  // a server without one of its shards is of no use
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
    if (signals->Count() > 0) stop = true;
    signals->Wait(Duration::Millis(10));
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& status : ends) RETURN_IF_ERROR(status);
  return absl::OkStatus();
}

absl::Status Serve(const Arguments& arguments, EventLog* events, StopSignals* signals) {
  ASSIGN_OR_RETURN(const Job job, LoadJob(arguments.run));
  RETURN_IF_ERROR(NeedOpenFiles(
      arguments.places.size() * FilesOfEndpoint(PeersOfShard(job)),
      absl::StrFormat("a server of %d shards for %d workers", arguments.places.size(), job.seats)));
  const std::string snapshots = arguments.run + "/snapshots";
  ASSIGN_OR_RETURN(const auto store, arguments.serve ? OpenSnapshotStoreToRead(snapshots)
                                                     : OpenSnapshotStore(snapshots));
  ASSIGN_OR_RETURN(const Loops loops, OpenLoops(arguments, job, store.get(), events));
  events->Write(ListeningEvent{loops[0]->address()});
  RETURN_IF_ERROR(RunLoops(loops, signals));
  TellDone(loops, events);
  return EndOf(loops, job, *signals);
}

int Main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Rubato's server: shards of a model in memory, with snapshots");
  app.add_option("--run", arguments.run, "run folder, made by rubato-data prepare")->required();
  app.add_option("--scheduler", arguments.scheduler, "address of the scheduler")->required();
  app.add_option("--listen", arguments.listen, "ipc:///PATH or tcp://127.0.0.1:PORT")->required();
  app.add_option("--advertise", arguments.advertise,
                 "address that others are told to connect to, where it is not that of --listen; of "
                 "several places, as of --listen, tcp ports count up and ipc paths end with the "
                 "place");
  app.add_option("--place", arguments.places, "index of a shard in the shard map; may be repeated")
      ->required();
  app.add_flag("--serve", arguments.serve, "no training: nothing in the run folder is changed");
  app.add_option("--rate-factor", arguments.rate_factor, "of the learning rates of the run")
      ->check(CLI::Range(0.0F, 1.0F));
  const auto work = [&arguments](EventLog* events, StopSignals* signals) -> absl::StatusOr<int> {
    RETURN_IF_ERROR(Serve(arguments, events, signals));
    return kExitDone;
  };
  const auto name = [&arguments] { return absl::StrCat("server-", arguments.places.front()); };
  return RunProcess({.app = &app, .name = name, .work = work}, argc, argv);
}

}  // namespace
}  // namespace rubato

int main(int argc, char** argv) { return rubato::Main(argc, argv); }
