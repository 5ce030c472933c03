#include "common/process/notifier.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/base/system_error.h"

namespace rubato {
namespace {

constexpr Duration kTellClockEvery = Duration::Seconds(5);

// As sockaddr_un has it: the abstract namespace begins with a zero byte.
absl::StatusOr<std::string> AddressOf(const std::string& text) {
  const bool known = text[0] == '/' || text[0] == '@';
  if (!known || text.size() < 2 || text.size() >= sizeof(sockaddr_un::sun_path)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("NOTIFY_SOCKET is '%s': it must be the path of a socket, or @NAME, of at "
                        "most %d bytes; unset it, if no service manager listens",
                        text, sizeof(sockaddr_un::sun_path) - 1));
  }
  std::string address = text;
  if (address[0] == '@') address[0] = '\0';
  return address;
}

absl::StatusOr<Duration> WatchdogOf(const Environment& environment, int64_t pid) {
  const std::optional<std::string> text = environment("WATCHDOG_USEC");
  if (!text || text->empty()) return Duration();
  const std::optional<std::string> whose = environment("WATCHDOG_PID");
  if (whose && *whose != absl::StrCat(pid)) return Duration();
  int64_t micros = 0;
  if (absl::SimpleAtoi(*text, &micros) && micros > 0 && micros < INT64_MAX / 1000) {
    return Duration::Micros(micros);
  }
  return absl::InvalidArgumentError(absl::StrFormat(
      "WATCHDOG_USEC is '%s', which is no number of microseconds; unset it, or set it right",
      *text));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Notifier>> Notifier::Open(const Environment& environment,
                                                         int64_t pid) {
  const std::optional<std::string> text = environment("NOTIFY_SOCKET");
  if (!text || text->empty()) return std::unique_ptr<Notifier>(new Notifier("", Duration()));
  ASSIGN_OR_RETURN(std::string address, AddressOf(*text));
  ASSIGN_OR_RETURN(const Duration watchdog, WatchdogOf(environment, pid));
  std::unique_ptr<Notifier> notifier(new Notifier(std::move(address), watchdog));
  notifier->socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (notifier->socket_ < 0) return SystemError(errno, "opening a socket for NOTIFY_SOCKET");
  return notifier;
}

Notifier::~Notifier() {
  if (socket_ >= 0) close(socket_);
}

void Notifier::Ready() {
  if (Send("READY=1", 0) || address_.empty()) return;
  LogWarning(absl::StrFormat("NOTIFY_SOCKET: %s", std::strerror(errno)));
}

void Notifier::Stopping(const std::string& why) {
  const std::string status = absl::StrReplaceAll(why, {{"\n", " "}});
  Send(absl::StrCat("STOPPING=1", status.empty() ? "" : "\nSTATUS=", status), MSG_DONTWAIT);
}

Pulse Notifier::Watch(Clock last_clock) {
  if (address_.empty()) return nullptr;
  MutexLock lock(&mutex_);
  last_clock_ = last_clock;
  threads_.emplace_back();
  return [this, thread = threads_.size() - 1](Clock reached) {
    Beat(thread, reached, MonotonicNow());
  };
}

void Notifier::Beat(size_t thread, Clock reached, Instant now) {
  MutexLock lock(&mutex_);
  threads_[thread] = {true, reached};
  Feed(now);
  TellClock(now);
}

void Notifier::Feed(Instant now) {
  const auto came_round = [](const Thread& thread) { return thread.came_round; };
  if (watchdog_ == Duration() || !std::ranges::all_of(threads_, came_round)) return;
  if (now - fed_at_ < Duration::Nanos(watchdog_.nanos() / 2)) return;
  if (!Send("WATCHDOG=1", MSG_DONTWAIT)) return;
  fed_at_ = now;
  for (Thread& thread : threads_) thread.came_round = false;
}

void Notifier::TellClock(Instant now) {
  if (now - told_at_ < kTellClockEvery) return;
  told_at_ = now;
  const Clock slowest = std::ranges::min(threads_, {}, &Thread::reached).reached;
  std::string status =
      absl::StrFormat("STATUS=clock %d of %d", slowest.value(), last_clock_.value());
  if (status != told_ && Send(status, MSG_DONTWAIT)) told_ = std::move(status);
}

bool Notifier::Send(const std::string& text, int flags) {
  if (address_.empty()) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, address_.data(), address_.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  return sendto(socket_, text.data(), text.size(), flags | MSG_NOSIGNAL,
                reinterpret_cast<const sockaddr*>(&address), size) >= 0;
}

}  // namespace rubato
