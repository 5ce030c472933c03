#include "common/process.h"

#include <memory>
#include <utility>

#include "common/log.h"
#include "common/status.h"

namespace rubato {
namespace {

// `signal`: the one that ended it, if one did.
absl::StatusOr<int> CatchSignalsAndWork(const Process& process, EventLog* events, int* signal) {
  ASSIGN_OR_RETURN(const auto signals, StopSignals::Catch());
  absl::StatusOr<int> code = process.work(events, signals.get());
  *signal = signals->last();
  return code;
}

}  // namespace

std::optional<int> ParseCommandLine(CLI::App* app, int argc, char** argv) {
  try {
    app->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app->exit(error) == 0 ? kExitDone : kExitUsage;
  }
  return std::nullopt;
}

int RunProcess(const Process& process, int argc, char** argv) {
  if (const auto code = ParseCommandLine(process.app, argc, argv)) return *code;
  const std::string name = process.name();
  SetLogName(name);
  const auto events = EventLog::Open({.path = "", .process = name});
  int signal = 0;
  const absl::StatusOr<int> code = CatchSignalsAndWork(process, events->get(), &signal);
  if (code.ok()) return *code;
  const std::string sentence(code.status().message());
  (*events)->Write(Event("error").Text("message", sentence));
  LogError(sentence);
  return absl::IsCancelled(code.status()) ? 128 + signal : ExitCode(code.status());
}

}  // namespace rubato
