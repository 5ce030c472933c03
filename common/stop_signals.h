// SIGTERM and SIGINT as something to be asked about: nothing is interrupted, nothing dies.
//
// A handler that writes to a pipe, and not a blocked signal with a signalfd: libraries (OpenBLAS)
// start threads before main, which would not inherit the block, and a signal to the process may be
// delivered to any of them. System calls are restarted; poll and its like may return early.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/env.h"

namespace rubato {

class StopSignals {
 public:
  // One at a time in a process. SIGPIPE is ignored from then on.
  static absl::StatusOr<std::unique_ptr<StopSignals>> Catch();
  // Signals do again what they do by default.
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Signals received so far; never waits.
  int Count();
  // Cancelled once one has been received, with a sentence that names the last.
  absl::Status GoOn();
  // Returns after `time`, or earlier: at once when a signal is there that Count has not seen.
  void Wait(Duration time) const;
  // The last one, 0 if none: 128 + it is the exit code of a process stopped at once.
  int last() const { return last_; }
  const char* last_name() const;

 private:
  StopSignals(int read_end, int write_end) : read_end_(read_end), write_end_(write_end) {}

  const int read_end_;
  const int write_end_;
  int count_ = 0;
  int last_ = 0;
};

}  // namespace rubato
