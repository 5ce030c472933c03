// rubato-scheduler: membership, snapshots and the end of a run. Started by launch/rubato.
#include <sys/stat.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "common/base/status.h"
#include "common/base/stop_signals.h"
#include "common/job/job.h"
#include "common/process/begin.h"
#include "common/process/process.h"
#include "common/telemetry/events.h"
#include "common/telemetry/telemetry.h"
#include "common/wire/address.h"
#include "server/scheduler/admission.h"
#include "server/scheduler/run_start.h"
#include "server/scheduler/scheduler_loop.h"

namespace rubato {
namespace {

struct Arguments {
  StartFlags start;
  std::string run;
  bool committed = false;
  bool kept = false;
  bool resume = false;
  bool restart = false;
  bool serve = false;
  uint64_t snapshot = 0;
};

absl::Status TellKept(const Arguments& arguments, EventLog* events) {
  ASSIGN_OR_RETURN(const std::optional<SchedulerState> state, FindState(arguments.run));
  const auto tell = [events](const CommittedSnapshot& snapshot) {
    events->Write(KeptEvent{.snapshot = snapshot.number, .clock = snapshot.clock});
  };
  if (state) {
    for (const CommittedSnapshot& snapshot : state->earlier) tell(snapshot);
  }
  tell(state ? state->view.committed : CommittedSnapshot());
  return absl::OkStatus();
}

std::optional<SnapshotNumber> SnapshotOf(const Arguments& arguments) {
  return arguments.snapshot == 0 ? std::nullopt : std::optional(SnapshotNumber(arguments.snapshot));
}

// What the launcher asks before it starts a fleet: the newest committed snapshot that is whole, if
// there is one.
absl::Status TellCommitted(const Arguments& arguments, EventLog* events) {
  ASSIGN_OR_RETURN(const WholeSnapshot whole,
                   FindWholeSnapshot(arguments.run, SnapshotOf(arguments)));
  for (const std::string& sentence : whole.damaged) events->Write(WarningEvent{sentence});
  events->Write(CommittedEvent{.snapshot = whole.snapshot.number, .clock = whole.snapshot.clock});
  return absl::OkStatus();
}

absl::StatusOr<SchedulerState> StartingState(const Arguments& arguments, const Job& job,
                                             EventLog* events) {
  if (arguments.serve) return StateToServe(arguments.run, job, SnapshotOf(arguments));
  const StartMode mode = arguments.resume    ? StartMode::kResume
                         : arguments.restart ? StartMode::kRestart
                                             : StartMode::kNew;
  std::vector<Gap> gaps;
  if (arguments.resume) {
    ASSIGN_OR_RETURN(gaps, GapsOf(arguments.run, SnapshotOf(arguments)));
  }
  ASSIGN_OR_RETURN(SchedulerState state,
                   StateToTrain(arguments.run, job, mode, SnapshotOf(arguments)));
  if (arguments.resume) events->Write(ResumedEvent{state.view.committed.clock});
  for (const Gap& gap : gaps) {
    events->Write(TornEvent{gap.seat, gap.life, gap.begin, gap.end});
    state.pushes_lost += static_cast<uint64_t>((gap.end - gap.begin).value());
  }
  return state;
}

absl::StatusOr<int> Answer(const Arguments& arguments, EventLog* events) {
  RETURN_IF_ERROR(arguments.committed ? TellCommitted(arguments, events)
                                      : TellKept(arguments, events));
  return kExitDone;
}

absl::StatusOr<int> Train(const Arguments& arguments, const Beginning& beginning,
                          const Frame& frame) {
  const Job& job = beginning.job;
  ASSIGN_OR_RETURN(const std::optional<SchedulerState> before, FindState(arguments.run));
  // The fleet of one that died has its memory already; on several hosts each server asks for
  // itself.
  const bool one_host = IsLocal(beginning.start.listen->value);
  if (one_host && (!arguments.restart || !before)) {
    const FleetFor purpose = arguments.serve ? FleetFor::kReaders : FleetFor::kTraining;
    RETURN_IF_ERROR(CheckItFits(job, purpose, {}));
  }
  ASSIGN_OR_RETURN(SchedulerState state, StartingState(arguments, job, frame.events));
  SchedulerLoopOptions loop_options;
  loop_options.listen = beginning.start.listen->value;
  if (beginning.start.advertise) loop_options.advertise = beginning.start.advertise->value;
  loop_options.keys = beginning.keys;
  loop_options.pulse = frame.notifier->Watch(job.last_clock);
  if (frame.signals->alone()) loop_options.processes = beginning.run.fleet.servers + job.seats;
  if (!arguments.serve) {
    mkdir(SnapshotsOf(arguments.run).c_str(), 0700);  // there already when resuming
    loop_options.state_path = StatePathOf(arguments.run);
    loop_options.state_kept = before == state;
  }
  SchedulerOptions options;
  options.job = job;
  options.lease = Duration::Millis(job.lease_ms);
  options.deterministic = job.deterministic;
  ASSIGN_OR_RETURN(auto loop,
                   SchedulerLoop::Open(loop_options, options, std::move(state), frame.events));
  frame.notifier->Ready();
  ASSIGN_OR_RETURN(const RunEnd end, loop->Run(frame.signals));
  return end == RunEnd::kStopped ? kExitStopped : kExitDone;
}

absl::StatusOr<int> Run(Arguments arguments, const Frame& frame) {
  const Starter starter = {StartRole::kScheduler, arguments.start, frame.around};
  ASSIGN_OR_RETURN(const Said run, FindRun(starter));
  arguments.run = run.value;
  if (arguments.committed || arguments.kept) return Answer(arguments, frame.events);
  ASSIGN_OR_RETURN(const Beginning beginning, Begin(starter, frame));
  return Train(arguments, beginning, frame);
}

int Main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Rubato's scheduler: membership, snapshots and the end of a run");
  AddStartFlags(StartRole::kScheduler, &app, &arguments.start);
  CLI::App* what = app.add_option_group("instead of running")->require_option(0, 1);
  CLI::Option* committed = what->add_flag("--committed", arguments.committed,
                                          "only say what is committed and whole, as an event");
  CLI::Option* kept = what->add_flag("--kept", arguments.kept,
                                     "only say which committed snapshots are kept, as events");
  CLI::Option* resume =
      app.add_flag("--resume", arguments.resume, "go on from the last committed snapshot")
          ->excludes(committed)
          ->excludes(kept);
  CLI::Option* restart = app.add_flag("--restart", arguments.restart,
                                      "take the place of a scheduler that died: its fleet lives")
                             ->excludes(committed)
                             ->excludes(kept)
                             ->excludes(resume);
  app.add_flag("--serve", arguments.serve, "no training: readers pull a committed snapshot")
      ->excludes(committed)
      ->excludes(kept)
      ->excludes(resume)
      ->excludes(restart);
  app.add_option("--snapshot", arguments.snapshot,
                 "from this committed snapshot on, not the newest")
      ->excludes(kept);
  const auto part = [&] {
    return arguments.committed || arguments.kept ? Part::kNone : Part::kTells;
  };
  return RunProcess({.app = &app,
                     .name = [](const Surroundings&) { return std::string("scheduler"); },
                     .work = [&arguments](const Frame& frame) { return Run(arguments, frame); },
                     .part = part},
                    argc, argv);
}

}  // namespace
}  // namespace rubato

int main(int argc, char** argv) { return rubato::Main(argc, argv); }
