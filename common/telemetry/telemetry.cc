#include "common/telemetry/telemetry.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/base/status.h"
#include "common/base/system_error.h"
#include "common/telemetry/process_events.h"

namespace rubato {
namespace {

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

// A clock that is set by less is waited for, a millisecond a line.
constexpr int64_t kSetBackMillis = 1000;

}  // namespace

EventLog::EventLog(EventLogOptions options, int file) : options_(std::move(options)), file_(file) {}

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

void EventLog::WriteLine(const std::string& event_text, LineWorth worth) {
  const MutexLock lock(&mutex_);
  std::string line = LineOf(event_text);
  WriteText(line);
  if (options_.sends) sender_.Add(std::move(line), worth);
}

void EventLog::Relay(const std::string& line) {
  const MutexLock lock(&mutex_);
  WriteText(line);
}

void EventLog::WriteText(std::string line) {
  if (!WriteAll(file_, line.append("\n"))) ++lost_;
}

// Later than the one before it, unless somebody has set the clock back by more.
std::string EventLog::LineOf(const std::string& event_text) {
  const int64_t now = options_.wall_millis();
  const bool set_back = now < last_millis_ - kSetBackMillis;
  last_millis_ = set_back ? now : std::max(now, last_millis_ + 1);
  return absl::StrCat("{\"time_ms\":", last_millis_, ",", event_text, "}");
}

std::optional<LineBatch> EventLog::Due(Instant now) {
  const MutexLock lock(&mutex_);
  if (const uint64_t lines = sender_.Untold(); lines > 0) {
    sender_.TellDropped(LineOf(EventText(options_.process, LinesDroppedEvent{lines})));
  }
  const LineBatch* batch = sender_.Due(now);
  return batch == nullptr ? std::nullopt : std::optional(*batch);
}

void EventLog::NotSent() {
  const MutexLock lock(&mutex_);
  sender_.NotSent();
}

void EventLog::Acknowledged(uint64_t next) {
  const MutexLock lock(&mutex_);
  sender_.Acknowledged(next);
}

bool EventLog::AllSent() const {
  const MutexLock lock(&mutex_);
  return sender_.Empty();
}

uint64_t EventLog::lost() const {
  const MutexLock lock(&mutex_);
  return lost_;
}

}  // namespace rubato
