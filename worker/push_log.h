// A worker's pushes to one shard, kept as encoded bytes until a committed snapshot holds them, so
// that a restarted shard can be given again exactly what it lost.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "common/ids.h"
#include "common/message.h"

namespace rubato {

struct LoggedPush {
  Clock clock;
  Clock oldest_read;
  std::vector<std::vector<TableRows>> parts;  // at least one; a single empty one for an empty push
};

class PushLog {
 public:
  PushLog() = default;
  explicit PushLog(Clock start) : start_(start) {}

  // Requires push.clock == end().
  void Append(LoggedPush push) { pushes_.push_back(std::move(push)); }
  // First number still here, and one past the last.
  Clock start() const { return start_; }
  Clock end() const { return start_ + ClockDelta(static_cast<int64_t>(pushes_.size())); }
  size_t size() const { return pushes_.size(); }
  // nullptr outside [start, end).
  const LoggedPush* Find(Clock clock) const;
  // Forgets numbers < durable.
  void Prune(Clock durable);
  // At the hard bound: forgets the oldest ones that are < applied until `bound` remain; returns how
  // many were forgotten though no snapshot holds them.
  uint64_t DropApplied(Clock applied, size_t bound);

 private:
  Clock start_;
  std::deque<LoggedPush> pushes_;
};

}  // namespace rubato
