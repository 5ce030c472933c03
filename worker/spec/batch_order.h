// Which rows an iteration trains on: a pure function of (seed, epoch, seat, index), so that a
// resumed or replaced worker goes on with exactly the rows that were due.
//
// Each epoch is a keyed permutation of the training rows (a Feistel network with cycle walking,
// Black and Rogaway 2002), dealt out batch by batch: batch i of seat w takes the permuted positions
// from (i * seats + w) * batch on. The last batches of an epoch may be short or empty.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/ids.h"

namespace rubato {

class BatchOrder {
 public:
  BatchOrder(uint64_t rows, uint64_t batch, uint32_t seats, uint64_t seed)
      : rows_(rows), batch_(batch), seats_(seats), seed_(seed) {}

  // Iterations in which some seat has rows.
  int64_t IterationsPerEpoch() const;
  // Row indices of iteration `index` of epoch `epoch` for `seat`; possibly empty.
  void Rows(int64_t epoch, int64_t index, SeatId seat, std::vector<uint64_t>* out) const;

 private:
  uint64_t Permute(uint64_t position, int64_t epoch) const;

  uint64_t rows_;
  uint64_t batch_;
  uint32_t seats_;
  uint64_t seed_;
};

}  // namespace rubato
