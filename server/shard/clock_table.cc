#include "server/shard/clock_table.h"

#include <algorithm>

namespace rubato {

void ClockTable::Advance(Life life, Clock next) {
  members_.at(life).next = next;
  Settle();
}

void ClockTable::AddPending(Life life) { members_.try_emplace(life, Member{min_clock_, true}); }

void ClockTable::RemovePendingBut(const std::function<bool(Life)>& keep) {
  std::erase_if(members_,
                [&](const auto& member) { return member.second.pending && !keep(member.first); });
}

bool ClockTable::pending(Life life) const {
  const auto found = members_.find(life);
  return found != members_.end() && found->second.pending;
}

bool ClockTable::any_pending() const {
  return std::any_of(members_.begin(), members_.end(),
                     [](const auto& member) { return member.second.pending; });
}

std::vector<Life> ClockTable::holders() const {
  std::vector<Life> holders;
  for (const auto& [life, member] : members_) {
    if (member.next <= min_clock_) holders.push_back(life);
  }
  return holders;
}

void ClockTable::Settle() {
  const auto slowest =
      std::min_element(members_.begin(), members_.end(),
                       [](const auto& a, const auto& b) { return a.second.next < b.second.next; });
  if (slowest != members_.end()) min_clock_ = std::max(min_clock_, slowest->second.next);
}

}  // namespace rubato
