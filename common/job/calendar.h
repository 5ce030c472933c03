// Which clock is what: the iterations of each epoch, and where all workers meet. Every process of a
// fleet asks it of its own job, and must get the same answers.
//
// Clock c is iteration c % n of epoch c / n (n = iterations_per_epoch). The last iteration of an
// epoch trains nothing: the validation rows are evaluated there. With `best_epoch` that iteration
// is a barrier: all wait until the weights are cut and committed exactly there, and nobody reads
// anything else at it or right after it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/base/ids.h"

namespace rubato {

struct Calendar {
  Clock last_clock;                  // T
  int64_t iterations_per_epoch = 1;  // its evaluation included
  bool best_epoch = false;           // use the epoch that is evaluated best

  // The epoch, counted from 0, that iteration `clock` belongs to; and that of the last one trained
  // when `clock` are completed.
  int64_t EpochOf(Clock clock) const { return clock.value() / iterations_per_epoch; }
  int64_t EpochBefore(Clock clock) const {
    return EpochOf(Clock(std::max<int64_t>(0, clock.value() - 1)));
  }
  // Which iteration of its epoch `clock` is, from 0.
  int64_t IndexInEpoch(Clock clock) const { return clock.value() % iterations_per_epoch; }
  Clock BeginOfEpoch(Clock clock) const { return Clock(EpochOf(clock) * iterations_per_epoch); }
  // The clock of the last iteration of the epoch of `clock`: where it is evaluated.
  Clock EndOfEpoch(Clock clock) const {
    return BeginOfEpoch(clock) + ClockDelta(iterations_per_epoch - 1);
  }
  bool IsEvaluation(Clock clock) const { return clock == EndOfEpoch(clock); }
  // Whether all workers wait there for its commit, before they push it.
  bool IsBarrier(Clock clock) const { return best_epoch && IsEvaluation(clock); }
  // The first clock >= `from` at whose commit all workers wait: a barrier, or T.
  Clock NextCommon(Clock from) const {
    return best_epoch ? std::min(last_clock, EndOfEpoch(from)) : last_clock;
  }
  // Whether what is read at `clock` must hold all iterations before it, whatever the bound.
  bool IsExact(Clock clock) const {
    const bool after = clock > Clock(0) && IsBarrier(clock - ClockDelta(1));
    return after || IsBarrier(clock);
  }
  friend bool operator==(const Calendar&, const Calendar&) = default;
};

}  // namespace rubato
