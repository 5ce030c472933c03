#include "common/stop_signals.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "common/status.h"

namespace rubato {
namespace {

constexpr int kSignals[] = {SIGTERM, SIGINT};

// Where the handler writes: what a signal does is one thing per process.
std::atomic<int> handler_end = -1;
static_assert(std::atomic<int>::is_always_lock_free);

// Writes the signal's number. A full pipe holds thousands of signals that nobody has asked about.
extern "C" void RememberStopSignal(int number) {
  const int error = errno;
  const auto byte = static_cast<unsigned char>(number);
  [[maybe_unused]] const ssize_t written = write(handler_end, &byte, 1);
  errno = error;
}

void Handle(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  CHECK(sigaction(number, &action, nullptr) == 0);
}

}  // namespace

absl::StatusOr<std::unique_ptr<StopSignals>> StopSignals::Catch() {
  int ends[2];
  if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) {
    return absl::InternalError(absl::StrCat("cannot open a pipe: ", std::strerror(errno)));
  }
  handler_end = ends[1];
  for (const int number : kSignals) Handle(number, RememberStopSignal);
  Handle(SIGPIPE, SIG_IGN);  // a launcher that died is seen otherwise
  return std::unique_ptr<StopSignals>(new StopSignals(ends[0], ends[1]));
}

StopSignals::~StopSignals() {
  for (const int number : kSignals) Handle(number, SIG_DFL);
  handler_end = -1;
  close(write_end_);
  close(read_end_);
}

int StopSignals::Count() {
  unsigned char number = 0;
  while (read(read_end_, &number, 1) == 1) {
    ++count_;
    last_ = number;
  }
  return count_;
}

absl::Status StopSignals::GoOn() {
  if (Count() == 0) return absl::OkStatus();
  return absl::CancelledError(absl::StrCat("stopped by ", last_name()));
}

void StopSignals::Wait(Duration time) const {
  pollfd descriptor{read_end_, POLLIN, 0};
  const timespec limit{time.nanos() / 1'000'000'000, time.nanos() % 1'000'000'000};
  ppoll(&descriptor, 1, &limit, nullptr);
}

const char* StopSignals::last_name() const { return last_ == SIGINT ? "SIGINT" : "SIGTERM"; }

}  // namespace rubato
