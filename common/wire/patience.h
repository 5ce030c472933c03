// How long a process waits for a scheduler that has never answered, and what it says of that: why
// after a while, in its log, and in the end as what it ends with.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/base/env.h"
#include "common/wire/peer_address.h"

namespace rubato {

class SchedulerPatience {
 public:
  static constexpr Duration kLimit = Duration::Seconds(60);

  // `address`: of the scheduler.
  SchedulerPatience(std::string address, Instant now);

  // As often as you like, as long as it has not answered; `trouble`: Endpoint::trouble(). Time in
  // which this process slept does not count. Unavailable once it is over, FailedPrecondition where
  // keys do not fit.
  absl::Status Check(Instant now, const Trouble& trouble);

 private:
  std::string Sentence(const Trouble& trouble) const;

  const std::string address_;
  const Instant began_;
  AwakeClock clock_;
  Duration warn_after_;
};

}  // namespace rubato
