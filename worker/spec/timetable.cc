#include "worker/spec/timetable.h"

namespace rubato {

std::vector<uint64_t> Timetable::Rows(Clock clock) const {
  std::vector<uint64_t> rows;
  if (!calendar_.IsEvaluation(clock)) {
    order_.Rows(calendar_.EpochOf(clock), calendar_.IndexInEpoch(clock), seat_, &rows);
  }
  return rows;
}

}  // namespace rubato
