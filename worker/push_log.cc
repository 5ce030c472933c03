#include "worker/push_log.h"

namespace rubato {

const LoggedPush* PushLog::Find(Clock clock) const {
  if (clock < start_ || clock >= end()) return nullptr;
  return &pushes_[static_cast<size_t>((clock - start_).value())];
}

void PushLog::Prune(Clock durable) {
  while (!pushes_.empty() && start_ < durable) {
    pushes_.pop_front();
    start_ = start_.Next();
  }
}

uint64_t PushLog::DropApplied(Clock applied, size_t bound) {
  uint64_t dropped = 0;
  while (pushes_.size() > bound && start_ < applied) {
    pushes_.pop_front();
    start_ = start_.Next();
    ++dropped;
  }
  return dropped;
}

}  // namespace rubato
