#include "worker/spec/timetable.h"

namespace rubato {

bool Timetable::IsExact(Clock clock) const {
  if (!job_.best_epoch) return false;
  const bool after = clock.value() > 0 && IsEvaluation(clock - ClockDelta(1));
  return IsEvaluation(clock) || after;
}

std::vector<uint64_t> Timetable::Rows(Clock clock) const {
  std::vector<uint64_t> rows;
  if (!IsEvaluation(clock)) {
    order_.Rows(EpochOf(clock), job_.IndexInEpoch(clock), seat_, &rows);
  }
  return rows;
}

}  // namespace rubato
