// The sending end of a reliable stream of lines: a sans-I/O machine that hands out what is due to
// be sent, until the other end has taken it (common/telemetry/line_receiver.h).
//
// Lines are numbered from 0 as they are first sent. One batch is under way at a time, and is sent
// again until it is acknowledged. Its bounds are in memory, not in time: when too much waits, the
// oldest of what is worth least is dropped, and a line tells how many that were.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "common/base/env.h"

namespace rubato {

// What is dropped first is first.
enum class LineWorth : uint8_t { kProgress, kOther, kLastWords };

struct LineBatch {
  uint64_t first = 0;  // number of the first line
  std::vector<std::string> lines;
};

struct LineSenderOptions {
  size_t max_bytes =
      size_t{1} << 20;  // of lines that wait; those under way are kMaxLinesBytes more
  size_t batch_bytes = size_t{64} << 10;
  Duration resend_after = Duration::Seconds(1);
};

class LineSender {
 public:
  explicit LineSender(const LineSenderOptions& options = {}) : options_(options) {}

  // A line longer than kMaxLineBytes is dropped.
  void Add(std::string line, LineWorth worth);
  // Lines that were dropped and that the next batch is to tell of; 0 while one is under way.
  uint64_t Untold() const { return under_way_.lines.empty() ? dropped_ : 0; }
  // `line` tells of them; it is sent before all that waits.
  void TellDropped(std::string line);
  // What is to be sent now, if anything is. Valid until the next call of anything here.
  const LineBatch* Due(Instant now);
  // What was due could not even be queued: it is due at once.
  void NotSent() { sent_at_.reset(); }
  // The other end has all lines before number `next`.
  void Acknowledged(uint64_t next);
  // All that was added is acknowledged, or dropped and told of.
  bool Empty() const { return under_way_.lines.empty() && waiting_.empty() && dropped_ == 0; }

 private:
  struct Waiting {
    std::string line;
    LineWorth worth;
  };
  void DropOne();
  void MakeBatch();

  const LineSenderOptions options_;
  std::deque<Waiting> waiting_;
  size_t waiting_bytes_ = 0;
  uint64_t dropped_ = 0;  // and not told of yet
  LineBatch under_way_;   // without lines: nothing is
  std::optional<Instant> sent_at_;
};

}  // namespace rubato
