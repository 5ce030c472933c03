// The taking end of reliable streams of lines (common/telemetry/line_sender.h), any number of them:
// each line of each is taken once. A sans-I/O machine.
//
// It knows nothing of a stream that it has not heard, or has forgotten: it takes that from where
// its sender says it is. So after a restart of the taking process come the lines that the last one
// had not acknowledged, among them those that it took and died before it said so. They are the same
// to the byte, and no two lines of a process are (common/telemetry/telemetry.h): who reads what
// both have written takes two equal lines for one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "common/base/ids.h"
#include "common/base/limits.h"

namespace rubato {

class LineReceiver {
 public:
  // Knows so many streams; then it forgets the one that began first.
  explicit LineReceiver(size_t most = kMaxLives) : most_(most) {}

  // Those of `lines`, the first of which is number `first`, that were not taken before.
  std::span<const std::string> Take(Nonce stream, uint64_t first,
                                    std::span<const std::string> lines);
  bool Knows(Nonce stream) const { return next_.contains(stream); }
  // What is to be acknowledged: all before it are taken.
  uint64_t Next(Nonce stream) const;

 private:
  size_t most_;
  absl::flat_hash_map<Nonce, uint64_t> next_;
  std::deque<Nonce> order_;  // as they began
};

}  // namespace rubato
