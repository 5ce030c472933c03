// The monotonic clock of one simulated process: it may run faster or slower than the others, jump
// forward, or stand still while its process does. It never falls.
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/base/env.h"

namespace rubato::sim {

class SkewedClock {
 public:
  explicit SkewedClock(double rate = 1) : rate_(rate) {}

  Instant Read(int64_t now_us) {
    last_us_ = std::max(last_us_, At(now_us));
    return Instant::FromNanos(last_us_ * 1000);
  }
  // What passes on it meanwhile, and how long it takes until so much has passed.
  int64_t Passes(int64_t from_us, int64_t to_us) const { return At(to_us) - At(from_us); }
  int64_t Takes(int64_t local_us) const {
    return static_cast<int64_t>(static_cast<double>(local_us) / rate_);
  }
  void Jump(int64_t by_us) { offset_us_ += by_us; }
  // To be called when it begins to stand still; nobody reads it meanwhile.
  void StandStill(int64_t for_us) { offset_us_ -= Passes(0, for_us); }

 private:
  int64_t At(int64_t now_us) const {
    return static_cast<int64_t>(static_cast<double>(now_us) * rate_) + offset_us_;
  }

  double rate_;
  int64_t offset_us_ = 0;
  int64_t last_us_ = 0;
};

}  // namespace rubato::sim
