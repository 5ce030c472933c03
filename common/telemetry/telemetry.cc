#include "common/telemetry/telemetry.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/base/status.h"
#include "common/base/system_error.h"

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

}  // namespace

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

void EventLog::WriteLine(const std::string& event_text) {
  const std::string line =
      absl::StrCat("{\"time_ms\":", options_.wall_millis(), ",", event_text, "}\n");
  const MutexLock lock(&mutex_);
  if (!WriteAll(file_, line)) ++lost_;
}

uint64_t EventLog::lost() const {
  const MutexLock lock(&mutex_);
  return lost_;
}

}  // namespace rubato
