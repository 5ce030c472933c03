// What a table is made of for the sake of its images, with the mistakes of tests/sim/mutation.h:
// the simulator compiles tables with it. With no mutation active each is what it was.
#pragma once

#include "common/memory/frozen_rows.h"
#include "common/memory/unit_marks.h"
#include "tests/sim/mutation.h"

namespace rubato {

class MutatedFrozenRun : public FrozenRun {
 public:
  using FrozenRun::FrozenRun;
  void Preserve(size_t unit) {
    if (!Makes(Mutation::no_copy_before_write)) FrozenRun::Preserve(unit);
  }
};

class MutatedUnitMarks : public UnitMarks {
 public:
  using UnitMarks::UnitMarks;
  uint64_t Cut() {
    if (Makes(Mutation::delta_forgets_withdrawn)) SetBase();
    return UnitMarks::Cut();
  }
};

}  // namespace rubato

#define FrozenRun MutatedFrozenRun
#define UnitMarks MutatedUnitMarks
