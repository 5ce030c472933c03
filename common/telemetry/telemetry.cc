#include "common/telemetry/telemetry.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/status.h"
#include "common/base/system_error.h"

namespace rubato {
namespace {

// As a JSON string, quotes included.
std::string Quoted(absl::string_view text) {
  return nlohmann::json(std::string(text))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// The whole line, or an error: the rest of a line that was cut off is written on.
bool WriteAll(int file, absl::string_view line) {
  while (!line.empty()) {
    const ssize_t written = write(file, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    line.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace

void Event::Name(absl::string_view name) {
  absl::StrAppend(&fields_, fields_.empty() ? "\"" : ",\"", name, "\":");
}

Event& Event::Int(absl::string_view name, int64_t value) {
  Name(name);
  absl::StrAppend(&fields_, value);
  return *this;
}

Event& Event::Real(absl::string_view name, double value) {
  Name(name);
  char text[32];  // the shortest digits that read back as the same double: 24 at most
  const auto end = std::to_chars(text, text + sizeof(text), value).ptr;
  fields_.append(std::isfinite(value) ? std::string(text, end) : "null");
  return *this;
}

Event& Event::Flag(absl::string_view name, bool value) {
  Name(name);
  fields_.append(value ? "true" : "false");
  return *this;
}

Event& Event::Text(absl::string_view name, absl::string_view value) {
  Name(name);
  fields_.append(Quoted(value));
  return *this;
}

Event& Event::Json(absl::string_view name, absl::string_view value) {
  Name(name);
  fields_.append(value.data(), value.size());
  return *this;
}

absl::StatusOr<std::unique_ptr<EventLog>> EventLog::Open(EventLogOptions options) {
  int file = STDOUT_FILENO;
  if (!options.path.empty()) {
    file = open(options.path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0) {
      return FileError(errno, "opening", options.path);
    }
  }
  return std::unique_ptr<EventLog>(new EventLog(std::move(options), file));
}

EventLog::~EventLog() {
  if (file_ != STDOUT_FILENO) close(file_);
}

void EventLog::Write(const Event& event) {
  const std::string line =
      absl::StrCat("{\"time_ms\":", options_.wall_millis(),
                   ",\"process\":", Quoted(options_.process), ",", event.fields(), "}\n");
  const MutexLock lock(&mutex_);
  if (!WriteAll(file_, line)) ++lost_;
}

uint64_t EventLog::lost() const {
  const MutexLock lock(&mutex_);
  return lost_;
}

}  // namespace rubato
