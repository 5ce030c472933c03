// The order in which a scheduler's words may leave: what it says is durable before anybody hears
// it. A sans-I/O machine between a Scheduler and its driver.
//
// The driver takes each output of the Scheduler here, writes the state that is due, says how that
// went, and then sends and tells what is released. While a state cannot be written nothing leaves,
// as if the network lost it: views are resent until they are acknowledged, and who got no answer
// asks again. Events are kept, and told once what they tell of is durable. A state that failed is
// replaced by newer ones, so only the newest is ever written.
//
// So a crash at any moment is harmless: what was not durable, nobody has heard of.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/base/env.h"
#include "common/wire/message.h"
#include "server/scheduler/scheduler.h"

namespace rubato {

class WriteAhead {
 public:
  // A write that failed is tried again after this long.
  explicit WriteAhead(Duration again_after) : again_after_(again_after) {}

  void Take(SchedulerOutput out);
  // The state to be written now, to be answered by Written before the next call of anything here;
  // nullptr if all is durable, or no try is due.
  const SchedulerState* Due(Instant now) const;
  // Durable, or not written at all.
  void Written(Instant now, const absl::Status& status);

  struct Released {
    Outbox messages;
    std::vector<SchedulerEvent> events;
  };
  // What may leave now. Messages that may not are forgotten.
  Released Release();

  bool durable() const { return !unsaved_; }
  // Of the newest try, and how many in a row have failed.
  const absl::Status& error() const { return error_; }
  int failures() const { return failures_; }

 private:
  const Duration again_after_;
  std::optional<SchedulerState> unsaved_;  // the newest
  Outbox messages_;                        // of the output that was taken last
  std::vector<SchedulerEvent> untold_;
  absl::Status error_;
  int failures_ = 0;
  Instant tried_at_;
};

}  // namespace rubato
