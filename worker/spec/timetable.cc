#include "worker/spec/timetable.h"

namespace rubato {

bool Timetable::IsEvaluation(Clock clock) const {
  return evaluate_ && clock.value() % per_epoch_ == per_epoch_ - 1;
}

bool Timetable::IsExact(Clock clock) const {
  if (!best_epoch_) return false;
  const bool after = clock.value() > 0 && IsEvaluation(clock - ClockDelta(1));
  return IsEvaluation(clock) || after;
}

std::vector<uint64_t> Timetable::Rows(Clock clock) const {
  std::vector<uint64_t> rows;
  if (!IsEvaluation(clock)) {
    order_.Rows(DataEpoch(clock), clock.value() % per_epoch_, seat_, &rows);
  }
  return rows;
}

}  // namespace rubato
