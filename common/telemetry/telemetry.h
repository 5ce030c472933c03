// Telemetry: what happened, for machines. One JSON object a line (JSONL), so that a file cut short
// by a crash is whole but for its last line, and several processes may append to one file.
//
//   {"time_ms":1763900000000,"process":"scheduler","event":"resumed","clock":12}
//
// `time_ms` is wall time, for people: nothing is computed from it. What follows "event" is a struct
// of common/telemetry/events.h. A line that cannot be written (full disk) is counted and left out:
// telemetry never stops a run. Any thread may write.
//
// No two lines of a process are equal, as each has a millisecond of its own. Where a scheduler
// writes the lines of a whole fleet, each is also kept until that has taken it: see LineSender.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/env.h"
#include "common/base/json_text.h"
#include "common/base/mutex.h"
#include "common/telemetry/line_sender.h"

namespace rubato {

// What can be written: a struct with fields, and a name for its kind.
template <class T>
concept IsEvent = NamesItsFields<T> && requires {
  absl::string_view(T::kEvent);
};

// `event` as `process` tells it, but for the time and the braces.
template <IsEvent T>
std::string EventText(absl::string_view process, const T& event) {
  const std::string fields = FieldsText(event);
  return absl::StrCat("\"process\":", QuotedText(process), ",\"event\":\"", T::kEvent, "\"",
                      fields.empty() ? "" : ",", fields);
}

struct EventLogOptions {
  std::string path;     // appended to, made if absent; "": standard output
  std::string process;  // "worker-0"
  std::function<int64_t()> wall_millis = WallMillis;
  bool sends = false;  // lines are kept for the scheduler
};

// What a kind of event is worth to who cannot have them all.
constexpr LineWorth WorthOf(absl::string_view event) {
  for (const absl::string_view last : {"error", "done", "validation", "ended"}) {
    if (event == last) return LineWorth::kLastWords;
  }
  return event == "progress" ? LineWorth::kProgress : LineWorth::kOther;
}

class EventLog {
 public:
  static absl::StatusOr<std::unique_ptr<EventLog>> Open(EventLogOptions options);
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  template <IsEvent T>
  void Write(const T& event) {
    WriteLine(EventText(options_.process, event), WorthOf(T::kEvent));
  }
  // Another process's line, as it is.
  void Relay(const std::string& line);
  // Lines that could not be written.
  uint64_t lost() const;

  // Of a log that sends; as of LineSender, whose thread is anyone.
  std::optional<LineBatch> Due(Instant now);
  void NotSent();
  void Acknowledged(uint64_t next);
  bool AllSent() const;

 private:
  EventLog(EventLogOptions options, int file);
  void WriteLine(const std::string& event_text, LineWorth worth);
  void WriteText(std::string line) REQUIRES_LOCK(mutex_);
  std::string LineOf(const std::string& event_text) REQUIRES_LOCK(mutex_);

  const EventLogOptions options_;
  const int file_;  // descriptor
  mutable Mutex mutex_;
  uint64_t lost_ GUARDED_BY(mutex_) = 0;
  int64_t last_millis_ GUARDED_BY(mutex_) = 0;
  LineSender sender_ GUARDED_BY(mutex_);
};

}  // namespace rubato
