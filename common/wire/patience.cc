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

absl::Status SchedulerPatience::Check(Instant now, bool answered, const Trouble& trouble) {
  const Instant awake = clock_.Read(now);
  if (answered) return CheckGone(awake, trouble);
  const Duration waited = awake - began_;
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

// Others go on without it as far as they can; who has lost it for good must not stay for ever.
absl::Status SchedulerPatience::CheckGone(Instant awake, const Trouble& trouble) {
  if (trouble.words.empty()) {
    gone_since_.reset();
    return absl::OkStatus();
  }
  if (!gone_since_) gone_since_ = awake;
  if (awake - *gone_since_ <= kGoneLimit) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrFormat("the scheduler was at %s, and cannot be reached for "
                      "%.0f minutes now: %s",
                      address_, kGoneLimit.seconds() / 60, trouble.words));
}

std::string SchedulerPatience::Sentence(const Trouble& trouble) const {
  return absl::StrFormat("the scheduler does not answer at %s: %s", address_,
                         trouble.words.empty() ? "start it, or check --scheduler" : trouble.words);
}

}  // namespace rubato
