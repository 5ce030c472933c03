// A worker's pushes to one shard, kept as encoded bytes until a committed snapshot holds them, so
// that a restarted shard can be given again exactly what it lost.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "common/base/ids.h"
#include "common/wire/message.h"

namespace rubato {

struct LoggedPush {
  Clock clock;
  Clock oldest_read;
  std::vector<std::vector<TableRows>> parts;  // at least one; a single empty one for an empty push
  uint64_t credit = 0;                        // what it costs at its shard (CreditRule)

  // Of keys and values, as they travel.
  size_t PayloadBytes() const;
  // Of memory: frames and what holds them, so that empty pushes count as well.
  size_t Bytes() const;
};

class PushLog {
 public:
  PushLog() = default;
  explicit PushLog(Clock start) : start_(start) {}

  // Requires push.clock == end().
  void Append(LoggedPush push);
  // First number still here, and one past the last.
  Clock start() const { return start_; }
  Clock end() const { return start_ + ClockDelta(static_cast<int64_t>(pushes_.size())); }
  size_t size() const { return pushes_.size(); }
  // Of memory, all pushes together.
  size_t bytes() const { return bytes_; }
  // What all pushes before `clock` have cost since the log began.
  uint64_t CreditBefore(Clock clock) const;
  // nullptr outside [start, end).
  const LoggedPush* Find(Clock clock) const;
  // Forgets numbers < durable.
  void Prune(Clock durable);
  // Forgets the oldest push. Requires size() > 0.
  void DropOldest();

 private:
  Clock start_;
  struct Entry {
    LoggedPush push;
    uint64_t credit_after;  // of all pushes up to this one
  };
  std::deque<Entry> pushes_;
  uint64_t credit_before_ = 0;  // of all that are forgotten
  size_t bytes_ = 0;
};

}  // namespace rubato
