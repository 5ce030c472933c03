// What any process tells of itself beside its work, as the rest is told in
// common/telemetry/events.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rubato {

// One thing that it needs to begin, and who said it (common/start/start.h).
struct ResolvedValue {
  std::string name;   // "seat"
  std::string value;  // "3"
  std::string by;     // "--seat", "JOB_COMPLETION_INDEX"
  void Fields(auto&& field) const {
    field("name", name);
    field("value", value);
    field("by", by);
  }
};

// It knows all that it needs, and begins.
struct ResolvedEvent {
  static constexpr char kEvent[] = "resolved";
  std::vector<ResolvedValue> values;
  void Fields(auto&& field) const { field("values", values); }
};

// A stop signal, told to the launcher instead of obeyed.
struct SignalEvent {
  static constexpr char kEvent[] = "signal";
  std::string name;   // "SIGTERM"
  int64_t count = 0;  // stop signals so far, this one among them
  void Fields(auto&& field) const {
    field("name", name);
    field("count", count);
  }
};

// A line of its log that somebody should read.
struct LogEvent {
  static constexpr char kEvent[] = "log";
  std::string level;  // "warning" or "error"
  std::string text;
  void Fields(auto&& field) const {
    field("level", level);
    field("text", text);
  }
};

// The scheduler was out of reach for so long that it never gets these lines; the process's own
// standard output has them.
struct LinesDroppedEvent {
  static constexpr char kEvent[] = "lines_dropped";
  uint64_t lines = 0;  // since the last such event
  void Fields(auto&& field) const { field("lines", lines); }
};

// A process of a fleet has ended by itself; the last event of all.
struct EndedEvent {
  static constexpr char kEvent[] = "ended";
  int code = 0;  // its exit code
  uint64_t peak_memory_bytes = 0;
  double cpu_seconds = 0;  // of all its threads
  void Fields(auto&& field) const {
    field("code", code);
    field("peak_memory_bytes", peak_memory_bytes);
    field("cpu_seconds", cpu_seconds);
  }
};

}  // namespace rubato
