// What each clock of a worker's run is for. A pure function of the job, the seat and the data, so
// that a worker that resumes at clock c does exactly what the one before it would have done.
//
// Clock c is iteration c % n of epoch c / n (n = job.iterations_per_epoch). With job.evaluate
// the last iteration of an epoch trains nothing: the validation rows are evaluated there. With
// job.best_epoch that iteration is a barrier, and nobody reads anything but the weights that are
// cut there.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/ids.h"
#include "common/job/job.h"
#include "worker/spec/batch_order.h"

namespace rubato {

class Timetable {
 public:
  // `rows` to train on, of all seats together; `batch`: rows of an iteration of one seat.
  Timetable(const Job& job, SeatId seat, uint64_t rows, uint64_t batch)
      : job_(job), seat_(seat), order_(rows, batch, job.seats, job.seed) {}

  int64_t EpochOf(Clock clock) const { return job_.EpochOf(clock); }
  bool IsEvaluation(Clock clock) const { return job_.IsEvaluation(clock); }
  // Whether what is read at `clock` must hold all iterations before it, whatever the bound.
  bool IsExact(Clock clock) const;
  // The rows that are trained on at `clock`: none at an evaluation, and none where the epoch
  // has no more for this seat.
  std::vector<uint64_t> Rows(Clock clock) const;

 private:
  Job job_;
  SeatId seat_;
  BatchOrder order_;
};

}  // namespace rubato
