// rubato-scheduler: membership, snapshots and the end of a run. Started by launch/rubato.
#include <sys/stat.h>

#include <cstdio>
#include <map>
#include <string>

#include "CLI/CLI.hpp"
#include "common/job.h"
#include "common/log.h"
#include "common/status.h"
#include "common/stop_signals.h"
#include "common/telemetry.h"
#include "server/scheduler_loop.h"
#include "server/scheduler_state.h"
#include "server/snapshot_store.h"

namespace rubato {
namespace {

struct Arguments {
  std::string run;
  std::string listen;
  bool resume = false;
  bool serve = false;
  uint64_t epoch = 0;
};

std::string SnapshotsOf(const std::string& run) { return run + "/snapshots"; }

// The images of `epoch`, by place. A withdrawn cut may have left images of dead lives: the highest
// life is the one that was committed.
absl::StatusOr<CommittedEpoch> FindEpoch(const std::string& run, EpochId epoch,
                                         CommittedEpoch newest) {
  if (epoch == newest.epoch) return newest;
  ASSIGN_OR_RETURN(auto store, OpenSnapshotStore(SnapshotsOf(run)));
  ASSIGN_OR_RETURN(const std::vector<ImageName> names, store->List());
  std::map<PlaceId, ImageName> images;
  for (const ImageName& name : names) {
    if (name.epoch == epoch) images[name.place] = name;  // in order of life
  }
  newest.epoch = epoch;
  newest.images.clear();
  for (const auto& [place, name] : images) newest.images.push_back(name);
  if (images.empty() || images.rbegin()->first.value() + 1 != images.size()) {
    return absl::NotFoundError(absl::StrFormat("%s: snapshot %d is not whole or not there",
                                               SnapshotsOf(run), epoch.value()));
  }
  return newest;
}

absl::StatusOr<SchedulerState> StartingState(const Arguments& arguments, const Job& job,
                                             EventLog* events) {
  const std::string path = SnapshotsOf(arguments.run) + "/scheduler.state";
  absl::StatusOr<SchedulerState> state = ReadSchedulerState(path);
  const bool fresh = state.status().code() == absl::StatusCode::kNotFound;
  if (!state.ok() && !fresh) return state.status();
  if (arguments.serve) {
    if (fresh || state->view.committed.images.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat(arguments.run, ": no snapshot was ever committed here; train first"));
    }
    if (arguments.epoch != 0) {
      ASSIGN_OR_RETURN(state->view.committed,
                       FindEpoch(arguments.run, EpochId(arguments.epoch), state->view.committed));
    }
    return ResumeState(*std::move(state), job.places);
  }
  if (!arguments.resume && !fresh) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": this run was started before; use --resume to go on, or another folder"));
  }
  const SchedulerState start =
      fresh ? Scheduler::FirstState(job) : ResumeState(*std::move(state), job.places);
  if (arguments.resume) {
    events->Write(Event("resumed").Int("clock", start.view.committed.clock.value()));
  }
  return start;
}

absl::StatusOr<int> Run(const Arguments& arguments, EventLog* events) {
  ASSIGN_OR_RETURN(auto signals, StopSignals::Block());
  ASSIGN_OR_RETURN(const Job job, LoadJob(arguments.run));
  mkdir(SnapshotsOf(arguments.run).c_str(), 0700);  // there already when resuming
  ASSIGN_OR_RETURN(SchedulerState state, StartingState(arguments, job, events));
  SchedulerLoopOptions loop_options;
  loop_options.listen = arguments.listen;
  if (!arguments.serve) loop_options.state_path = SnapshotsOf(arguments.run) + "/scheduler.state";
  SchedulerOptions options;
  options.job = job;
  ASSIGN_OR_RETURN(auto loop, SchedulerLoop::Open(loop_options, options, std::move(state), events));
  ASSIGN_OR_RETURN(const RunEnd end, loop->Run(signals.get()));
  switch (end) {
    case RunEnd::kFinished:
      return kExitDone;
    case RunEnd::kStopped:
      return kExitStopped;
    case RunEnd::kInterrupted:
      return 128 + signals->last();
  }
  return kExitFatal;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Rubato's scheduler: membership, snapshots and the end of a run");
  app.add_option("--run", arguments.run, "run folder, made by rubato-data prepare")->required();
  app.add_option("--listen", arguments.listen, "ipc:///PATH or tcp://127.0.0.1:PORT")->required();
  app.add_flag("--resume", arguments.resume, "go on from the last committed snapshot");
  app.add_flag("--serve", arguments.serve, "no training: readers pull a committed snapshot");
  app.add_option("--epoch", arguments.epoch, "with --serve: this snapshot, not the newest");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  SetLogName("scheduler");
  auto events = EventLog::Open({.path = "", .process = "scheduler"});
  absl::StatusOr<int> code = Run(arguments, events->get());
  if (code.ok()) return *code;
  (*events)->Write(Event("error").Text("message", std::string(code.status().message())));
  LogError(std::string(code.status().message()));
  return ExitCode(code.status());
}

}  // namespace
}  // namespace rubato

int main(int argc, char** argv) { return rubato::Main(argc, argv); }
