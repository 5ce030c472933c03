// How long a process waits for a scheduler that has never answered, or that cannot be reached any
// more, and what it says of that: why after a while, in its log, and in the end as what it ends
// with.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "common/base/env.h"
#include "common/wire/peer_address.h"

namespace rubato {

class SchedulerPatience {
 public:
  static constexpr Duration kLimit = Duration::Seconds(60);
  // Of one that has answered: time for an engine to start it on another host.
  static constexpr Duration kGoneLimit = Duration::Seconds(600);

  // `address`: of the scheduler.
  SchedulerPatience(std::string address, Instant now);

  // As often as you like; `answered`: whether it ever has; `trouble`: Endpoint::trouble(). Time in
  // which this process slept does not count. Unavailable once it is over, FailedPrecondition where
  // keys do not fit one that has never answered.
  absl::Status Check(Instant now, bool answered, const Trouble& trouble);

 private:
  absl::Status CheckGone(Instant awake, const Trouble& trouble);
  std::string Sentence(const Trouble& trouble) const;

  const std::string address_;
  const Instant began_;
  AwakeClock clock_;
  Duration warn_after_;
  std::optional<Instant> gone_since_;  // it had answered
};

}  // namespace rubato
