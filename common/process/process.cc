#include "common/process/process.h"

#include <sys/resource.h>
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
#include "common/telemetry/process_events.h"

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

EndedEvent EndedWith(int code) {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  constexpr uint64_t kKibi = 1024;
  return {.code = code,
          .peak_memory_bytes = static_cast<uint64_t>(used.ru_maxrss) * kKibi,
          .cpu_seconds = seconds(used.ru_utime) + seconds(used.ru_stime)};
}

// Says why the process ends, if it is not done, and returns its exit code.
int CodeOf(const absl::StatusOr<int>& code, const StopSignals* signals, EventLog* events) {
  if (code.ok()) return *code;
  const std::string sentence(code.status().message());
  events->Write(ErrorEvent{sentence, absl::StatusCodeToString(code.status().code())});
  LogError(sentence);
  return absl::IsCancelled(code.status()) ? 128 + signals->last() : ExitCode(code.status());
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
  const Part part = process.part();
  const auto events = EventLog::Open({.path = "", .process = name, .sends = part == Part::kSends});
  ListenToLog([&events](const char* level, absl::string_view text) {
    (*events)->Write(LogEvent{level, std::string(text)});
  });
  TelemetryStream stream(events->get(), !supervised);
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
                                                                     .stream = &stream,
                                                                     .around = around});
  if (notifier.ok()) (*notifier)->Stopping(std::string(code.status().message()));
  const int exit_code = CodeOf(code, signals.ok() ? signals->get() : nullptr, events->get());
  if (part != Part::kNone) (*events)->Write(EndedWith(exit_code));
  stream.End();
  ListenToLog(nullptr);
  return exit_code;
}

}  // namespace rubato
