// SIGTERM, SIGINT and SIGHUP as something to be asked about: nothing is interrupted, nothing dies.
//
// A handler that writes to a pipe, and not a blocked signal with a signalfd: libraries (OpenBLAS)
// start threads before main, which would not inherit the block, and a signal to the process may be
// delivered to any of them. System calls are restarted; poll and its like may return early.
//
// A signal that was ignored when the process started (nohup, a background job) stays ignored. A
// hang-up comes as often as somebody notices it, and before or after a SIGTERM that means the same
// (systemd): it is a first signal, and nothing beside another.
//
// SIGUSR1 is a wish for a snapshot, and stops nobody.
//
// The processes of a fleet must not each go by signals of their own: whoever shuts a job down sends
// one to all of them, and a last snapshot needs them all. Under a launcher a signal is told to it,
// and what stops the process is the end of its standard input, which the launcher closes.
#pragma once

#include <signal.h>

#include <array>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/env.h"

namespace rubato {

// How a process hears from its launcher.
struct Supervision {
  int orders = -1;  // descriptor, not owned: its end counts as a signal; -1: there is no launcher
  // Is told of each signal, with how many there have been, in place of counting it. From Count.
  std::function<void(const char* name, int count)> tell;
};

class StopSignals {
 public:
  // One at a time in a process. SIGPIPE is ignored from then on; under a launcher, which starts
  // its processes with stop signals blocked, they are no longer.
  static absl::StatusOr<std::unique_ptr<StopSignals>> Catch(Supervision supervision = {});
  // Signals do again what they did before.
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Signals to stop received so far; never waits.
  int Count();
  // Wishes for a snapshot, likewise.
  int Wishes();
  // As if the signal had come, SIGTERM or SIGUSR1: who orders so need not be on this host.
  void Order(int signal) { Take(signal); }
  // Whether no launcher decides when this process ends.
  bool alone() const { return alone_; }
  // Cancelled once one has been received, with a sentence that names the last.
  absl::Status GoOn();
  // Returns after `time`, or earlier: at once when something is there that Count has not seen.
  void Wait(Duration time) const;
  // The last one, 0 if none: 128 + it is the exit code of a process stopped at once. SIGTERM, if
  // the launcher stops this process.
  int last() const { return last_; }
  const char* last_name() const { return last_name_; }

 private:
  static constexpr std::array kSignals = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

  StopSignals(int read_end, int write_end, Supervision supervision);
  void Take(int number);
  void TakeOrders();

  const int read_end_;
  const int write_end_;
  Supervision supervision_;
  const bool alone_;
  std::array<struct sigaction, kSignals.size()> before_{};
  int signals_ = 0;  // SIGTERM and SIGINT
  int hung_up_ = 0;
  int heard_ = 0;  // of both, as they are told or counted
  int count_ = 0;
  int wishes_ = 0;
  int last_ = 0;
  const char* last_name_ = "no signal";
};

}  // namespace rubato
