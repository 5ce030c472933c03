#include "worker/spec/batch_order.h"

#include <algorithm>
#include <bit>

#include "common/base/env.h"

namespace rubato {

int64_t BatchOrder::IterationsPerEpoch() const {
  return static_cast<int64_t>((rows_ + iteration_rows_ - 1) / iteration_rows_);
}

uint64_t BatchOrder::LargestBatch() const { return (iteration_rows_ + seats_ - 1) / seats_; }

void BatchOrder::Rows(int64_t epoch, int64_t index, SeatId seat, std::vector<uint64_t>* out) const {
  out->clear();
  if (index >= IterationsPerEpoch()) return;
  const uint64_t first = static_cast<uint64_t>(index) * iteration_rows_;
  const uint64_t begin = first + BeginOf(seat.value());
  const uint64_t end = std::min(first + BeginOf(seat.value() + uint64_t{1}), rows_);
  for (uint64_t position = begin; position < end; ++position) {
    out->push_back(Permute(position, epoch));
  }
}

// Four Feistel rounds on the smallest even number of bits that covers rows_; positions that fall
// outside walk on, less than four times on average.
uint64_t BatchOrder::Permute(uint64_t position, int64_t epoch) const {
  const int half_bits = std::max(1, (static_cast<int>(std::bit_width(rows_ - 1)) + 1) / 2);
  const uint64_t mask = (uint64_t{1} << half_bits) - 1;
  const uint64_t key = MixBits(seed_ ^ MixBits(static_cast<uint64_t>(epoch)));
  do {
    uint64_t left = position >> half_bits;
    uint64_t right = position & mask;
    for (uint64_t round = 0; round < 4; ++round) {
      const uint64_t next = left ^ (MixBits(right ^ MixBits(key + round)) & mask);
      left = right;
      right = next;
    }
    position = (left << half_bits) | right;
  } while (position >= rows_);
  return position;
}

}  // namespace rubato
