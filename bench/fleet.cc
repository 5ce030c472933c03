#include "bench/fleet.h"

#include <atomic>
#include <cstdio>
#include <memory>

#include "bench/processes.h"
#include "common/base/status.h"
#include "common/base/stop_signals.h"
#include "common/telemetry/telemetry.h"
#include "server/scheduler/scheduler_loop.h"
#include "server/shard/server_loop.h"
#include "tests/server/snapshot/memory_snapshot_store.h"

namespace rubato {

void RunScheduler(const Job& job, const std::string& address) {
  Must(std::freopen("/dev/null", "w", stderr) != nullptr, "freopen");  // its log
  auto signals = StopSignals::Catch();
  auto events = EventLog::Open({.path = "/dev/null", .process = "scheduler"});
  CHECK(signals.ok() && events.ok());
  SchedulerOptions options;
  options.job = job;
  auto loop = SchedulerLoop::Open({.listen = address, .state_path = ""}, options,
                                  Scheduler::FirstState(job), events->get());
  CHECK(loop.ok(), loop.status().ToString());
  (*loop)->Run(signals->get()).IgnoreError();
}

void RunServer(const Job& job, const ServerPlace& at) {
  MemorySnapshotStore store;
  ServerLoopOptions options;
  options.job = job;
  options.place = at.place;
  options.listen = at.listen;
  options.scheduler = at.scheduler;
  auto loop = ServerLoop::Open(options, &store);
  CHECK(loop.ok(), loop.status().ToString());
  const std::atomic<bool> stop = false;
  (*loop)->Run(stop).IgnoreError();
}

}  // namespace rubato
