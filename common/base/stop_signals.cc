#include "common/base/stop_signals.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

#include "common/base/status.h"
#include "common/base/system_error.h"

namespace rubato {
namespace {

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

// Returns what the signal did before; one that was ignored stays so.
struct sigaction Handle(int number, void (*handler)(int)) {
  struct sigaction before {};
  CHECK(sigaction(number, nullptr, &before) == 0);
  if (before.sa_handler == SIG_IGN) return before;
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  CHECK(sigaction(number, &action, nullptr) == 0);
  return before;
}

const char* NameOf(int number) {
  return number == SIGINT ? "SIGINT" : number == SIGHUP ? "SIGHUP" : "SIGTERM";
}

}  // namespace

absl::StatusOr<std::unique_ptr<StopSignals>> StopSignals::Catch(Supervision supervision) {
  int ends[2];
  if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) {
    return SystemError(errno, "opening a pipe for signals");
  }
  return std::unique_ptr<StopSignals>(new StopSignals(ends[0], ends[1], std::move(supervision)));
}

StopSignals::StopSignals(int read_end, int write_end, Supervision supervision)
    : read_end_(read_end),
      write_end_(write_end),
      supervision_(std::move(supervision)),
      alone_(supervision_.orders < 0) {
  handler_end = write_end;
  std::transform(kSignals.begin(), kSignals.end(), before_.begin(),
                 [](int number) { return Handle(number, RememberStopSignal); });
  Handle(SIGPIPE, SIG_IGN);  // a launcher that died is seen otherwise
  if (supervision_.orders < 0) return;
  sigset_t set;
  sigemptyset(&set);
  for (const int number : kSignals) sigaddset(&set, number);
  CHECK(pthread_sigmask(SIG_UNBLOCK, &set, nullptr) == 0);
}

StopSignals::~StopSignals() {
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
  handler_end = -1;
  close(write_end_);
  close(read_end_);
}

int StopSignals::Count() {
  unsigned char number = 0;
  while (read(read_end_, &number, 1) == 1) Take(number);
  if (supervision_.orders >= 0) TakeOrders();
  return count_;
}

int StopSignals::Wishes() {
  Count();
  return wishes_;
}

void StopSignals::Take(int number) {
  if (number == SIGUSR1) {
    ++wishes_;
    return;
  }
  (number == SIGHUP ? hung_up_ : signals_) += 1;
  const int before = std::exchange(heard_, std::max(signals_, std::min(hung_up_, 1)));
  if (supervision_.tell) {
    supervision_.tell(NameOf(number), heard_);
    return;
  }
  count_ += heard_ - before;
  last_ = number;
  last_name_ = NameOf(number);
}

// Nothing is ever written there: what matters is its end.
void StopSignals::TakeOrders() {
  pollfd descriptor{supervision_.orders, POLLIN, 0};
  char byte = 0;
  if (poll(&descriptor, 1, 0) <= 0 || read(supervision_.orders, &byte, 1) != 0) return;
  supervision_.orders = -1;
  ++count_;
  last_ = SIGTERM;
  last_name_ = "its launcher";
}

absl::Status StopSignals::GoOn() {
  if (Count() == 0) return absl::OkStatus();
  return absl::CancelledError(absl::StrCat("stopped by ", last_name()));
}

void StopSignals::Wait(Duration time) const {
  std::array<pollfd, 2> descriptors{pollfd{read_end_, POLLIN, 0},
                                    pollfd{supervision_.orders, POLLIN, 0}};
  const timespec limit{time.nanos() / 1'000'000'000, time.nanos() % 1'000'000'000};
  ppoll(descriptors.data(), descriptors.size(), &limit, nullptr);
}

}  // namespace rubato
