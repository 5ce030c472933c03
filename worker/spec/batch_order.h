// Which rows an iteration trains on: a pure function of (seed, epoch, seat, index), so that a
// resumed or replaced worker goes on with exactly the rows that were due.
//
// Each epoch is a keyed permutation of the training rows (a Feistel network with cycle walking,
// Black and Rogaway 2002), dealt out iteration by iteration: with R rows an iteration and W seats,
// iteration i takes the permuted positions [i * R, i * R + R), and seat w of them
// [i * R + w * R / W, i * R + (w + 1) * R / W), rounded down. So an iteration trains the same rows
// whatever number of seats share it, and each row of an epoch is trained once though that number
// changes on the way. The last batches of an epoch may be short or empty.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/ids.h"

namespace rubato {

class BatchOrder {
 public:
  // `iteration_rows` in [1, kMaxSeats * kMaxBatchRows], as of a job.
  BatchOrder(uint64_t rows, uint64_t iteration_rows, uint32_t seats, uint64_t seed)
      : rows_(rows), iteration_rows_(iteration_rows), seats_(seats), seed_(seed) {}

  // Iterations in which some seat has rows.
  int64_t IterationsPerEpoch() const;
  // Rows of the largest batch that a seat ever gets.
  uint64_t LargestBatch() const;
  // Row indices of iteration `index` of epoch `epoch` for `seat`; possibly empty.
  void Rows(int64_t epoch, int64_t index, SeatId seat, std::vector<uint64_t>* out) const;

 private:
  // Where in an iteration the batch of seat `seat` begins; of `seats_`: where the last one ends.
  uint64_t BeginOf(uint64_t seat) const { return seat * iteration_rows_ / seats_; }
  uint64_t Permute(uint64_t position, int64_t epoch) const;

  uint64_t rows_;
  uint64_t iteration_rows_;
  uint32_t seats_;
  uint64_t seed_;
};

}  // namespace rubato
