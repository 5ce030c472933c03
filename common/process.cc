#include "common/process.h"

#include <memory>
#include <utility>

#include "common/log.h"
#include "common/status.h"

namespace rubato {
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
  const auto signals = StopSignals::Catch();  // to the end: the last words are written in peace
  const absl::StatusOr<int> code =
      signals.ok() ? process.work(events->get(), signals->get()) : signals.status();
  if (code.ok()) return *code;
  const std::string sentence(code.status().message());
  (*events)->Write(Event("error").Text("message", sentence));
  LogError(sentence);
  return absl::IsCancelled(code.status()) ? 128 + (*signals)->last() : ExitCode(code.status());
}

}  // namespace rubato
