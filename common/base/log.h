// Logs: what happened, for people, on standard error. Any thread.
//
//   2026-11-23 12:00:00.123 worker-0 warning: shard 1 has been silent for 10 s
//
// A small facade over spdlog, which costs seconds in every file that includes it. Logs are
// never parsed: what a machine reads is telemetry (common/telemetry/telemetry.h) or an exit code.
#pragma once

#include <functional>
#include <string>

#include "absl/strings/string_view.h"

namespace rubato {

// Names this process in its lines ("worker-0"). Called once, by main, before other threads start.
void SetLogName(const std::string& process);

// Is told of each line of level "warning" or "error" as well, by whichever thread it comes from;
// nullptr: nobody is. Called by main, when no other thread may log.
using LogListener = std::function<void(const char* level, absl::string_view text)>;
void ListenToLog(LogListener listener);

void LogInfo(absl::string_view text);
void LogWarning(absl::string_view text);
void LogError(absl::string_view text);

}  // namespace rubato
