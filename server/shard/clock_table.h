// Who has completed what, as one shard knows it, and the minimum that the staleness gate compares
// with.
//
// Invariants:
//   min_clock() never falls in the life of a table, whoever joins or leaves.
//   A pending member counts with the min_clock at the moment it was added, so that a joiner's start
//   can never be below a min_clock already answered. Without members min_clock keeps its value.
// A fleet has tens of members: the minimum is one pass over them, taken only when the slowest
// moves.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "common/base/ids.h"

namespace rubato {

class ClockTable {
 public:
  ClockTable() = default;
  explicit ClockTable(Clock start) : min_clock_(start) {}

  // A member's next iteration is now `next`.
  void Advance(Life life, Clock next);

  // Members change together: Remove and Add, then Settle raises min_clock over those that are left,
  // then AddPending (min_clock must not rise over the first of several additions).
  void Remove(Life life) { members_.erase(life); }
  // Removes the pending members that `keep` does not want.
  void RemovePendingBut(const std::function<bool(Life)>& keep);
  // Replaces a pending entry.
  void Add(Life life, Clock next) { members_[life] = Member{next, false}; }
  void Settle();
  // A member that has no start yet: holds min_clock. No effect if it is known already.
  void AddPending(Life life);

  bool Contains(Life life) const { return members_.contains(life); }
  bool pending(Life life) const;
  bool any_pending() const;
  // Next iteration of a member, or the clock held for a pending one. Requires Contains(life).
  Clock next(Life life) const { return members_.at(life).next; }
  Clock min_clock() const { return min_clock_; }
  // The members that min_clock cannot rise over, pending ones too, by life.
  std::vector<Life> holders() const;

 private:
  struct Member {
    Clock next;
    bool pending = false;
  };
  std::map<Life, Member> members_;
  Clock min_clock_;
};

}  // namespace rubato
