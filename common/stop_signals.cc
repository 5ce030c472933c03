#include "common/stop_signals.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/status.h"

namespace rubato {

absl::StatusOr<std::unique_ptr<StopSignals>> StopSignals::Block() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  if (sigprocmask(SIG_BLOCK, &set, nullptr) != 0) {
    return absl::InternalError(absl::StrCat("cannot block signals: ", std::strerror(errno)));
  }
  signal(SIGPIPE, SIG_IGN);  // a launcher that died is seen otherwise
  const int descriptor = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (descriptor < 0) {
    return absl::InternalError(absl::StrCat("cannot open a signalfd: ", std::strerror(errno)));
  }
  return std::unique_ptr<StopSignals>(new StopSignals(descriptor));
}

StopSignals::~StopSignals() { close(descriptor_); }

int StopSignals::Count() {
  signalfd_siginfo info;
  while (read(descriptor_, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
    ++count_;
    last_ = static_cast<int>(info.ssi_signo);
  }
  return count_;
}

void StopSignals::Wait(Duration time) const {
  pollfd descriptor{descriptor_, POLLIN, 0};
  const timespec limit{time.nanos() / 1'000'000'000, time.nanos() % 1'000'000'000};
  ppoll(&descriptor, 1, &limit, nullptr);
}

}  // namespace rubato
