// What may be had in a second, and is spent: it fills at that rate, and holds as much at most.
#pragma once

#include <algorithm>
#include <optional>

#include "common/base/env.h"

namespace rubato {

class TokenBucket {
 public:
  // What is left at `now`; full at first. `per_second` may be another one each time. Less than
  // nothing if more was taken.
  double Left(double per_second, Instant now) {
    left_ = at_ ? std::min(per_second, left_ + per_second * (now - *at_).seconds()) : per_second;
    at_ = now;
    return left_;
  }
  // After Left.
  void Take(double tokens) { left_ -= tokens; }

 private:
  double left_ = 0;
  std::optional<Instant> at_;
};

}  // namespace rubato
