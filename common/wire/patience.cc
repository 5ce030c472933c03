#include "common/wire/patience.h"

#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"

namespace rubato {
namespace {

// What starts a fleet in no order may need this long for its scheduler; a person who waits for a
// fleet hears earlier why.
constexpr Duration kFirstWarning = Duration::Seconds(8);
constexpr Duration kPatienceWithKeys = Duration::Seconds(10);  // they may be about to be changed

}  // namespace

SchedulerPatience::SchedulerPatience(std::string address, Instant now)
    : address_(std::move(address)),
      began_(now),
      clock_(now, kAsleepAfter),
      warn_after_(kFirstWarning) {}

absl::Status SchedulerPatience::Check(Instant now, const Trouble& trouble) {
  const Duration waited = clock_.Read(now) - began_;
  if (trouble.of_keys && waited > kPatienceWithKeys) {
    return absl::FailedPreconditionError(Sentence(trouble));
  }
  if (waited > kLimit) return absl::UnavailableError(Sentence(trouble));
  if (waited > warn_after_) {
    warn_after_ = kLimit;
    LogWarning(absl::StrCat(Sentence(trouble), "; waiting on"));
  }
  return absl::OkStatus();
}

std::string SchedulerPatience::Sentence(const Trouble& trouble) const {
  return absl::StrFormat("the scheduler does not answer at %s: %s", address_,
                         trouble.words.empty() ? "start it, or check --scheduler" : trouble.words);
}

}  // namespace rubato
