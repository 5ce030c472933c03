#include "server/scheduler/write_ahead.h"

#include <iterator>

#include "common/base/mutation.h"

namespace rubato {

void WriteAhead::Take(SchedulerOutput out) {
  const bool stale = MUTATED(retry_old_state) && unsaved_;
  if (out.persist && !stale) unsaved_ = std::move(out.persist);
  messages_ = std::move(out.messages);
  std::move(out.events.begin(), out.events.end(), std::back_inserter(untold_));
}

const SchedulerState* WriteAhead::Due(Instant now) const {
  if (!unsaved_ || (failures_ > 0 && now - tried_at_ < again_after_)) return nullptr;
  return &*unsaved_;
}

void WriteAhead::Written(Instant now, const absl::Status& status) {
  tried_at_ = now;
  error_ = status;
  failures_ = status.ok() ? 0 : failures_ + 1;
  if (status.ok()) unsaved_.reset();
}

WriteAhead::Released WriteAhead::Release() {
  Released released;
  if (durable() || MUTATED(send_before_disk)) released.messages = std::move(messages_);
  if (durable() || MUTATED(tell_before_disk)) released.events = std::move(untold_);
  messages_.clear();
  if (durable() || MUTATED(tell_before_disk) || MUTATED(forget_untold)) untold_.clear();
  return released;
}

}  // namespace rubato
