// SIGTERM and SIGINT as something to be asked about: no handler, nothing interrupted.
// Made by main before any other thread, which then all inherit the block.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "common/env.h"

namespace rubato {

class StopSignals {
 public:
  static absl::StatusOr<std::unique_ptr<StopSignals>> Block();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Signals received so far; never waits.
  int Count();
  // Returns after `time`, or at once when a signal is there that Count has not seen.
  void Wait(Duration time) const;
  // The last one, 0 if none: 128 + it is the exit code of a process stopped at once.
  int last() const { return last_; }

 private:
  explicit StopSignals(int descriptor) : descriptor_(descriptor) {}

  const int descriptor_;
  int count_ = 0;
  int last_ = 0;
};

}  // namespace rubato
