// Tells the service manager how its process is, as sd_notify(3) of systemd describes: one datagram
// for each thing, to the socket that NOTIFY_SOCKET names (a path, or @NAME in the abstract
// namespace). Without that variable nothing is told.
//
// A process that hangs is killed and started again by the manager if it says how long it waits
// (WATCHDOG_USEC). What it then hears twice in that time comes from the threads that do the work,
// when each of them has come round: no thread of its own could vouch for them. Any thread may call.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/env.h"
#include "common/base/environment.h"
#include "common/base/mutex.h"
#include "common/base/pulse.h"

namespace rubato {

class Notifier {
 public:
  // InvalidArgument: NOTIFY_SOCKET or WATCHDOG_USEC is no good. A watchdog for another process
  // (WATCHDOG_PID is not `pid`) is not fed.
  static absl::StatusOr<std::unique_ptr<Notifier>> Open(const Environment& environment,
                                                        int64_t pid);
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // It does what it is for: others can reach it, or it can reach others.
  void Ready();
  // It ends; why, in one sentence, or "".
  void Stopping(const std::string& why);

  // One more thread whose work is watched. Kept no longer than this; empty where nobody listens.
  Pulse Watch(Clock last_clock);
  // What such a pulse does, at `now`: feeds the watchdog once every thread has come round since it
  // was fed and half of its time has passed; from time to time says how far the slowest is.
  void Beat(size_t thread, Clock reached, Instant now);

 private:
  struct Thread {
    bool came_round = false;
    Clock reached;
  };
  Notifier(std::string address, Duration watchdog)
      : address_(std::move(address)), watchdog_(watchdog) {}
  // Whether it is sent; else there is no room for it now, or nobody to take it.
  bool Send(const std::string& text, int flags);
  void Feed(Instant now) REQUIRES_LOCK(mutex_);
  void TellClock(Instant now) REQUIRES_LOCK(mutex_);

  const std::string address_;  // of the socket, as the system takes it; "": nobody listens
  const Duration watchdog_;    // 0: there is none
  int socket_ = -1;
  Mutex mutex_;
  std::vector<Thread> threads_ GUARDED_BY(mutex_);
  Clock last_clock_ GUARDED_BY(mutex_);
  Instant fed_at_ GUARDED_BY(mutex_);
  Instant told_at_ GUARDED_BY(mutex_);
  std::string told_ GUARDED_BY(mutex_);
};

}  // namespace rubato
