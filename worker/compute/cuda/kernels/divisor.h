// Division by a number that is known when a kernel is launched: a multiplication and a shift
// instead of the twenty instructions that a GPU needs for a quotient of 32 bits.
//
// With l = ceil(log2 d) and m = ceil(2^(31 + l) / d), n / d = (n m) >> (31 + l) for all n < 2^31:
// m d exceeds 2^(31 + l) by less than d <= 2^l, so n m / 2^(31 + l) exceeds n / d by less than 1 /
// d (Granlund and Montgomery 1994, "Division by invariant integers using multiplication").
#pragma once

#include <cuda_runtime.h>

#include <bit>
#include <cstdint>

#include "common/base/status.h"

namespace rubato {

class Divisor {
 public:
  // 0 < divisor < 2^31.
  explicit Divisor(uint32_t divisor) : divisor_(divisor) {
    CHECK(divisor > 0 && divisor < uint32_t{1} << 31);
    shift_ = 31 + static_cast<uint32_t>(std::bit_width(divisor - 1));
    multiplier_ = static_cast<uint32_t>(((uint64_t{1} << shift_) + divisor - 1) / divisor);
  }

  __host__ __device__ uint32_t divisor() const { return divisor_; }
  // n / divisor, for n < 2^31.
  __host__ __device__ uint32_t Quotient(uint32_t n) const {
    return static_cast<uint32_t>((uint64_t{n} * multiplier_) >> shift_);
  }

 private:
  uint32_t divisor_;
  uint32_t multiplier_;
  uint32_t shift_;
};

}  // namespace rubato
