#include "worker/client/push_log.h"

#include <utility>

namespace rubato {

size_t LoggedPush::PayloadBytes() const {
  size_t bytes = 0;
  for (const std::vector<TableRows>& part : parts) {
    for (const TableRows& rows : part) bytes += rows.keys.size() + rows.values.size();
  }
  return bytes;
}

size_t LoggedPush::Bytes() const {
  size_t bytes = sizeof(LoggedPush) + PayloadBytes();
  for (const std::vector<TableRows>& part : parts) {
    bytes += sizeof(part) + part.size() * sizeof(TableRows);
  }
  return bytes;
}

const LoggedPush* PushLog::Find(Clock clock) const {
  if (clock < start_ || clock >= end()) return nullptr;
  return &pushes_[static_cast<size_t>((clock - start_).value())].push;
}

uint64_t PushLog::CreditBefore(Clock clock) const {
  if (clock <= start_ || pushes_.empty()) return credit_before_;
  if (clock >= end()) return pushes_.back().credit_after;
  return pushes_[static_cast<size_t>((clock - start_).value()) - 1].credit_after;
}

void PushLog::Append(LoggedPush push) {
  bytes_ += push.Bytes();
  const uint64_t credit_after = CreditBefore(end()) + push.credit;
  pushes_.push_back({std::move(push), credit_after});
}

void PushLog::Prune(Clock durable) {
  while (!pushes_.empty() && start_ < durable) DropOldest();
}

void PushLog::DropOldest() {
  bytes_ -= pushes_.front().push.Bytes();
  credit_before_ = pushes_.front().credit_after;
  pushes_.pop_front();
  start_ = start_.Next();
}

}  // namespace rubato
