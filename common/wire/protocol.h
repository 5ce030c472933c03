// The rules that shards, workers and the scheduler decide by, as functions of the values that they
// decide on. What a machine knows, and what follows for it from a decision, is its own. Each group
// bears the name of its section in ARCHITECTURE.md, which says why.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "common/base/ids.h"

namespace rubato {

struct FenceRule {
  // A view is ignored if it is not newer than what the receiver has.
  static bool IsNewer(ViewVersion view, ViewVersion known) { return view > known; }
};

struct ReadRule {
  // The min_clock from which on iteration `use` may read; an exact read waits for `at_least`
  // whatever s is.
  static Clock OpensAt(std::optional<Clock> at_least, Clock use, Staleness s) {
    const Clock exact = at_least.value_or(Clock(0));
    return s.infinite() ? exact : std::max(exact, use - s.bound());
  }
};

struct PushRule {
  enum class Verdict { kTake, kDuplicate, kGap, kBeyondWindow };
  // The number received itself, up to min_clock + s, is taken; a number below it is only
  // acknowledged. Refusing is always safe: the sender still has the push.
  static Verdict Judge(Clock number, Clock received, Clock min_clock, Staleness s) {
    if (number < received) return Verdict::kDuplicate;
    if (number > received) return Verdict::kGap;
    return InWindow(number, min_clock, s) ? Verdict::kTake : Verdict::kBeyondWindow;
  }
  static bool InWindow(Clock number, Clock min_clock, Staleness s) {
    return s.infinite() || number <= min_clock + s.bound();
  }
  // Whether an iteration is applied of all members together, in seat order, and not each push as it
  // comes.
  static bool AppliesTogether(Staleness s) { return s == Staleness(0); }
};

struct RetentionRule {
  // A worker leaves only when the last clock is committed: nobody can need its pushes any more.
  static bool MayLeave(Clock clock, Clock committed, Clock last) {
    return clock >= last && committed >= last;
  }
};

struct CutRule {
  // Whether the image cut at `cut` holds iteration `number`: if not, it is held back before.
  static bool Holds(Clock cut, Clock number) { return number < cut; }
  // A shard that has applied an iteration >= C refuses. `end` is one past the highest it has.
  static bool ComesInTime(Clock cut, Clock end) { return end <= cut; }
};

struct EvictionRule {
  // Slowest is whose push min_clock waits for: whose push is there is not to blame.
  static bool IsToBlame(Clock received, Clock min_clock) { return received <= min_clock; }
};

}  // namespace rubato
