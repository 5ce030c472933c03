#include "common/base/log.h"

#include <memory>
#include <utility>

#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace rubato {
namespace {

// The one object behind the facade: standard error is one per process, too.
spdlog::logger& Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = std::make_shared<spdlog::logger>("rubato",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%d %H:%M:%S.%e %l: %v");
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *logger;
}

spdlog::string_view_t View(absl::string_view text) { return {text.data(), text.size()}; }

LogListener& Listener() {
  static LogListener listener;
  return listener;
}

}  // namespace

void ListenToLog(LogListener listener) { Listener() = std::move(listener); }

void SetLogName(const std::string& process) {
  std::string literal;  // a percent sign would be read as a field of the pattern
  for (const char c : process) literal.append(c == '%' ? "%%" : std::string(1, c));
  Logger().set_pattern("%Y-%m-%d %H:%M:%S.%e " + literal + " %l: %v");
}

void LogInfo(absl::string_view text) { Logger().log(spdlog::level::info, View(text)); }
void LogWarning(absl::string_view text) {
  Logger().log(spdlog::level::warn, View(text));
  if (Listener()) Listener()("warning", text);
}
void LogError(absl::string_view text) {
  Logger().log(spdlog::level::err, View(text));
  if (Listener()) Listener()("error", text);
}

}  // namespace rubato
