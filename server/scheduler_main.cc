// rubato-scheduler: membership, snapshots and the end of a run. Started by launch/rubato.
#include <sys/stat.h>

#include <optional>
#include <string>
#include <utility>

#include "CLI/CLI.hpp"
#include "common/job.h"
#include "common/process.h"
#include "common/status.h"
#include "common/stop_signals.h"
#include "common/telemetry.h"
#include "server/run_start.h"
#include "server/scheduler_loop.h"

namespace rubato {
namespace {

struct Arguments {
  std::string run;
  std::string listen;
  bool committed = false;
  bool resume = false;
  bool serve = false;
  uint64_t epoch = 0;
};

// What the launcher asks before it starts a fleet: the newest committed snapshot, if there is one.
absl::Status TellCommitted(const Arguments& arguments, EventLog* events) {
  ASSIGN_OR_RETURN(const std::optional<SchedulerState> state, FindState(arguments.run));
  const CommittedEpoch committed = state ? state->view.committed : CommittedEpoch();
  events->Write(Event("committed")
                    .Int("epoch", static_cast<int64_t>(committed.epoch.value()))
                    .Int("clock", committed.clock.value()));
  return absl::OkStatus();
}

absl::StatusOr<SchedulerState> StartingState(const Arguments& arguments, const Job& job,
                                             EventLog* events) {
  if (arguments.serve) {
    const EpochId epoch(arguments.epoch);
    return StateToServe(arguments.run, job,
                        arguments.epoch == 0 ? std::nullopt : std::optional(epoch));
  }
  const StartMode mode = arguments.resume ? StartMode::kResume : StartMode::kNew;
  ASSIGN_OR_RETURN(SchedulerState state, StateToTrain(arguments.run, job, mode));
  if (arguments.resume) {
    events->Write(Event("resumed").Int("clock", state.view.committed.clock.value()));
  }
  return state;
}

absl::StatusOr<int> Run(const Arguments& arguments, EventLog* events, StopSignals* signals) {
  if (arguments.committed) {
    RETURN_IF_ERROR(TellCommitted(arguments, events));
    return kExitDone;
  }
  ASSIGN_OR_RETURN(const Job job, LoadJob(arguments.run));
  ASSIGN_OR_RETURN(SchedulerState state, StartingState(arguments, job, events));
  mkdir(SnapshotsOf(arguments.run).c_str(), 0700);  // there already when resuming
  SchedulerLoopOptions loop_options;
  loop_options.listen = arguments.listen;
  if (!arguments.serve) loop_options.state_path = StatePathOf(arguments.run);
  SchedulerOptions options;
  options.job = job;
  ASSIGN_OR_RETURN(auto loop, SchedulerLoop::Open(loop_options, options, std::move(state), events));
  ASSIGN_OR_RETURN(const RunEnd end, loop->Run(signals));
  return end == RunEnd::kStopped ? kExitStopped : kExitDone;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Rubato's scheduler: membership, snapshots and the end of a run");
  app.add_option("--run", arguments.run, "run folder, made by rubato-data prepare")->required();
  CLI::App* what = app.add_option_group("what to do")->require_option(1);
  what->add_option("--listen", arguments.listen, "ipc:///PATH or tcp://127.0.0.1:PORT");
  CLI::Option* committed =
      what->add_flag("--committed", arguments.committed, "only say what is committed, as an event");
  CLI::Option* resume =
      app.add_flag("--resume", arguments.resume, "go on from the last committed snapshot")
          ->excludes(committed);
  CLI::Option* serve =
      app.add_flag("--serve", arguments.serve, "no training: readers pull a committed snapshot")
          ->excludes(committed)
          ->excludes(resume);
  app.add_option("--epoch", arguments.epoch, "with --serve: this snapshot, not the newest")
      ->needs(serve);
  return RunProcess(
      {.app = &app,
       .name = [] { return std::string("scheduler"); },
       .work = [&arguments](EventLog* events,
                            StopSignals* signals) { return Run(arguments, events, signals); }},
      argc, argv);
}

}  // namespace
}  // namespace rubato

int main(int argc, char** argv) { return rubato::Main(argc, argv); }
