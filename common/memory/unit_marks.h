// Which units of a run of memory (rows, blocks of floats, buckets of rows) have changed: a bit each
// for the time since the last cut, and one for the time from the base of the next image to that
// cut. A unit may be marked that has not changed, never the other way round. Owned by one thread.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/memory/prefetch.h"

namespace rubato {

// Of a run that is frozen: all units, or those that have changed since the base.
enum class FrozenExtent { kAll, kChanged };

class UnitMarks {
 public:
  UnitMarks() = default;
  explicit UnitMarks(size_t units) : touched_((units + 63) / 64), changed_(touched_.size()) {}

  // Since the last cut.
  bool touched(size_t unit) const { return (Untouched(unit) & 1) == 0; }
  // In its lowest bit, for those who ask about many and branch once; the others mean nothing.
  uint64_t Untouched(size_t unit) const { return ~(touched_[unit / 64] >> (unit % 64)); }
  void Prefetch(size_t unit) const { PrefetchLine(&touched_[unit / 64]); }
  void Touch(size_t unit) { touched_[unit / 64] |= uint64_t{1} << (unit % 64); }
  // What has changed between the base and the last cut, or all, as a FrozenRun takes it: a bit a
  // unit, none for all of them.
  std::vector<uint64_t> Wanted(FrozenExtent extent) const {
    return extent == FrozenExtent::kAll ? std::vector<uint64_t>() : changed_;
  }

  // A cut: from here on no unit is touched. Returns how many have changed since the base.
  uint64_t Cut() {
    uint64_t count = 0;
    for (size_t i = 0; i < changed_.size(); ++i) {
      changed_[i] |= touched_[i];
      touched_[i] = 0;
      count += static_cast<uint64_t>(std::popcount(changed_[i]));
    }
    return count;
  }
  // What the last cut saw is the base now.
  void SetBase() { std::ranges::fill(changed_, 0); }

  // What was in unit `from` of `other` lies in `unit` now.
  void Inherit(size_t unit, const UnitMarks& other, size_t from) {
    if (other.touched(from)) Touch(unit);
    const uint64_t changed = other.changed_[from / 64] >> (from % 64) & 1;
    changed_[unit / 64] |= changed << (unit % 64);
  }

 private:
  std::vector<uint64_t> touched_;
  std::vector<uint64_t> changed_;
};

}  // namespace rubato
