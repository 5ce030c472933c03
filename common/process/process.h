// What a process of the fleet does around its work: reads its command line, names itself in log and
// telemetry, catches stop signals, and ends with one sentence and one exit code. A command for
// people (rubato-data) takes the command line alone: its standard output is not for the launcher.
//
// The sentence goes to standard error for people and, as event "error", to standard output for the
// launcher. Exit codes: ARCHITECTURE.md, "Exit codes". Included by mains only: CLI11 is slow to
// compile.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "common/base/stop_signals.h"
#include "common/process/notifier.h"
#include "common/process/telemetry_stream.h"
#include "common/start/start.h"
#include "common/telemetry/telemetry.h"

namespace rubato {

// The flag --supervised, for who is started by a launcher: see common/base/stop_signals.h.
void AddSupervised(CLI::App* app, bool* supervised);

// nullopt: go on. Else the exit code, after --help or a mistake, which is told.
std::optional<int> ParseCommandLine(CLI::App* app, int argc, char** argv);

// What the work of a process has around it. A supervised one has no environment: its launcher says
// all that it needs, whatever engine started the launcher.
struct Frame {
  EventLog* events;
  StopSignals* signals;
  Notifier* notifier;
  TelemetryStream* stream;
  Surroundings around;
};

// What a process is to a fleet: nothing, as it only answers a question; one that tells of its end;
// one whose events the scheduler gets as well.
enum class Part { kNone, kTells, kSends };

struct Process {
  CLI::App* app;
  // Asked for once the command line is read.
  std::function<std::string(const Surroundings& around)> name;
  // Its exit code. Cancelled: ended by a stop signal, which decides the code.
  std::function<absl::StatusOr<int>(const Frame& frame)> work;
  std::function<Part()> part = [] { return Part::kSends; };  // asked for like its name
};

int RunProcess(const Process& process, int argc, char** argv);

}  // namespace rubato
