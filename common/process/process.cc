#include "common/process/process.h"

#include <unistd.h>

#include <memory>
#include <system_error>
#include <utility>

#include "common/base/log.h"
#include "common/base/open_files.h"
#include "common/base/out_of_memory.h"
#include "common/base/status.h"
#include "common/base/system_error.h"
#include "common/process/surroundings.h"
#include "common/telemetry/events.h"

namespace rubato {

void AddSupervised(CLI::App* app, bool* supervised) {
  app->add_flag("--supervised", *supervised,
                "a launcher is told of stop signals, and stops this process by closing its "
                "standard input");
}

std::optional<int> ParseCommandLine(CLI::App* app, int argc, char** argv) {
  try {
    app->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app->exit(error) == 0 ? kExitDone : kExitUsage;
  }
  return std::nullopt;
}

namespace {

constexpr char kOutOfMemory[] = "RESOURCE_EXHAUSTED";

// A thread that cannot be started is an exception.
absl::StatusOr<int> Work(const Process& process, const Frame& frame) {
  try {
    return process.work(frame);
  } catch (const std::system_error& error) {
    return SystemError(error.code().value(), "starting a thread");
  }
}

}  // namespace

int RunProcess(const Process& process, int argc, char** argv) {
  bool supervised = false;
  AddSupervised(process.app, &supervised);
  if (const auto code = ParseCommandLine(process.app, argc, argv)) return *code;
  RaiseOpenFileLimit();
  const Surroundings around = supervised ? NoSurroundings() : OwnSurroundings();
  const std::string name = process.name(around);
  SetLogName(name);
  EndWhenOutOfMemory(name, [](const std::string& who, absl::string_view sentence) {
    return LastWords{
        absl::StrCat("{", EventText(who, ErrorEvent{std::string(sentence), kOutOfMemory}), "}\n"),
        absl::StrCat(who, " error: ", sentence, "\n")};
  });
  const auto events = EventLog::Open({.path = "", .process = name});
  Supervision supervision;
  if (supervised) {
    supervision.orders = STDIN_FILENO;
    supervision.tell = [&events](const char* signal, int count) {
      (*events)->Write(SignalEvent{.name = signal, .count = count});
    };
  }
  // To the end: the last words are written in peace.
  const auto signals = StopSignals::Catch(std::move(supervision));
  const auto notifier = Notifier::Open(around.environment, getpid());
  ForgetManager();
  const absl::StatusOr<int> code = !signals.ok()    ? signals.status()
                                   : !notifier.ok() ? notifier.status()
                                                    : Work(process, {.events = events->get(),
                                                                     .signals = signals->get(),
                                                                     .notifier = notifier->get(),
                                                                     .around = around});
  if (notifier.ok()) (*notifier)->Stopping(std::string(code.status().message()));
  if (code.ok()) return *code;
  const std::string sentence(code.status().message());
  (*events)->Write(ErrorEvent{sentence, absl::StatusCodeToString(code.status().code())});
  LogError(sentence);
  return absl::IsCancelled(code.status()) ? 128 + (*signals)->last() : ExitCode(code.status());
}

}  // namespace rubato
