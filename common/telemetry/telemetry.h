// Telemetry: what happened, for machines. One JSON object a line (JSONL), so that a file cut short
// by a crash is whole but for its last line, and several processes may append to one file.
//
//   {"time_ms":1763900000000,"process":"worker-0","event":"iteration","clock":12,"loss":0.31}
//
// `time_ms` is wall time, for people: nothing is computed from it. Numbers that are not finite
// become null, text that is not UTF-8 is repaired. A line that cannot be written (full disk) is
// counted and left out: telemetry never stops a run. Any thread may write.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/env.h"
#include "common/base/mutex.h"

namespace rubato {

// The fields of one event, in the order they are added. Names are ours and need no escape.
class Event {
 public:
  explicit Event(absl::string_view name) { Text("event", name); }
  Event& Int(absl::string_view name, int64_t value);
  Event& Real(absl::string_view name, double value);
  Event& Flag(absl::string_view name, bool value);
  Event& Text(absl::string_view name, absl::string_view value);
  // `value` is JSON already: for lists and objects.
  Event& Json(absl::string_view name, absl::string_view value);
  // "name":value,... without braces.
  const std::string& fields() const { return fields_; }

 private:
  void Name(absl::string_view name);
  std::string fields_;
};

struct EventLogOptions {
  std::string path;     // appended to, made if absent; "": standard output
  std::string process;  // "worker-0"
  std::function<int64_t()> wall_millis = WallMillis;
};

class EventLog {
 public:
  static absl::StatusOr<std::unique_ptr<EventLog>> Open(EventLogOptions options);
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  void Write(const Event& event);
  // Lines that could not be written.
  uint64_t lost() const;

 private:
  EventLog(EventLogOptions options, int file) : options_(std::move(options)), file_(file) {}

  const EventLogOptions options_;
  const int file_;  // descriptor
  mutable Mutex mutex_;
  uint64_t lost_ GUARDED_BY(mutex_) = 0;
};

}  // namespace rubato
