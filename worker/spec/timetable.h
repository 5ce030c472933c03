// Which rows a worker trains on at each clock of its run. A pure function of the job, the seat and
// the data, so that a worker that resumes at clock c does exactly what the one before it would have
// done.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/ids.h"
#include "common/job/job.h"
#include "worker/spec/batch_order.h"

namespace rubato {

class Timetable {
 public:
  // `rows` to train on, of all seats together.
  Timetable(const Job& job, SeatId seat, uint64_t rows)
      : calendar_(job), seat_(seat), order_(rows, job.iteration_rows, job.seats, job.seed) {}

  // None at an evaluation, and none where the epoch has no more for this seat.
  std::vector<uint64_t> Rows(Clock clock) const;

 private:
  Calendar calendar_;
  SeatId seat_;
  BatchOrder order_;
};

}  // namespace rubato
