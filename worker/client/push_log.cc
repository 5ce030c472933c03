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
  return &pushes_[static_cast<size_t>((clock - start_).value())];
}

void PushLog::Append(LoggedPush push) {
  bytes_ += push.Bytes();
  pushes_.push_back(std::move(push));
}

void PushLog::Prune(Clock durable) {
  while (!pushes_.empty() && start_ < durable) DropOldest();
}

void PushLog::DropOldest() {
  bytes_ -= pushes_.front().Bytes();
  pushes_.pop_front();
  start_ = start_.Next();
}

}  // namespace rubato
