#include "server/scheduler/write_ahead.h"

#include <iterator>
#include <utility>

namespace rubato {

void WriteAhead::Take(SchedulerOutput out) {
  if (out.persist) unsaved_ = std::move(out.persist);
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
  if (durable()) released = {std::move(messages_), std::exchange(untold_, {})};
  messages_.clear();
  return released;
}

}  // namespace rubato
