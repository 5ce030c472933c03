// Faults that last for a while, and what a crash leaves on a disk: partitions, processes that stand
// still, clocks that jump, disks that are full or slow.
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/sim/world.h"

namespace rubato::sim {
namespace {

constexpr int64_t kMs = 1000;

int64_t DrawMs(Rng* rng, int64_t least, int64_t most) {
  return (least + static_cast<int64_t>(rng->Below(static_cast<uint64_t>(most - least)))) * kMs;
}

}  // namespace

World::Party World::PartyOf(Nonce nonce) const {
  if (const auto shard = shard_of_.find(nonce); shard != shard_of_.end()) {
    return {Party::Kind::kShard, shard->second->place.value()};
  }
  const auto worker = worker_of_.find(nonce);
  if (worker == worker_of_.end()) return {Party::Kind::kScheduler};
  if (worker->second->role == Role::kReader) return {Party::Kind::kReader};
  return {Party::Kind::kWorker, worker->second->seat.value()};
}

World::Party World::DrawParty(Rng* rng) const {
  const uint32_t readers = config_.readers > 0 ? 1 : 0;
  const auto drawn =
      static_cast<uint32_t>(rng->Below(1 + config_.places + config_.seats + readers));
  if (drawn == 0) return {Party::Kind::kScheduler};
  if (drawn <= config_.places) return {Party::Kind::kShard, drawn - 1};
  const uint32_t seat = drawn - 1 - config_.places;
  if (seat < config_.seats) return {Party::Kind::kWorker, seat};
  return {Party::Kind::kReader};
}

// Most cut one direction only.
void World::Partition(Rng* rng) {
  const Party from = DrawParty(rng);
  const Party to = DrawParty(rng);
  const int64_t for_us = DrawMs(rng, 10, 200);
  CutLink(from, to, for_us);
  if (rng->Chance(0.3)) CutLink(to, from, for_us);
}

void World::CutLink(const Party& from, const Party& to, int64_t for_us) {
  if (quiet_) return;
  ++stats_.partitions;
  const std::pair link(from, to);
  cut_links_.insert(link);
  At(for_us, [this, link] {
    const auto cut = cut_links_.find(link);
    if (cut != cut_links_.end()) cut_links_.erase(cut);
  });
}

// A process is stopped, and its clock runs on; or its machine is, and its clock stands still too.
void World::Pause(Rng* rng) {
  const Party party = DrawParty(rng);
  const int64_t for_us = DrawMs(rng, 30, 120);
  const bool clock_too = rng->Chance(0.5);
  const int64_t until = now_us_ + for_us;
  const auto stand_still = [&](SkewedClock* clock) {
    if (clock_too) clock->StandStill(for_us);
  };
  if (party.kind == Party::Kind::kReader) return;
  ++stats_.pauses;
  Log(absl::StrCat("process of kind ", static_cast<int>(party.kind), " pauses for ", for_us / kMs,
                   " ms"));
  if (party.kind == Party::Kind::kScheduler) {
    if (!scheduler_ || scheduler_busy_until_ > now_us_) return;
    scheduler_busy_until_ = until;
    stand_still(&scheduler_clock_);
    if (clock_too) return;
    scheduler_awake_since_ = until;
    scheduler_jumped_us_ = 0;
  } else if (party.kind == Party::Kind::kShard) {
    ShardProcess* shard = CurrentShard(PlaceId(party.index));
    if (shard == nullptr || shard->asleep_until > now_us_) return;
    shard->asleep_until = until;
    stand_still(&shard->clock);
  } else {
    WorkerProcess* worker = seats_[party.index];
    if (worker == nullptr || worker->frozen_until > now_us_) return;
    worker->frozen_until = until;
    stand_still(&worker->clock);
  }
}

// By less than anybody would take for sleep, or by many leases, as when a suspended machine goes
// on. (The scheduler takes an eighth of a lease for time, and a whole one for sleep.)
void World::JumpClock(Rng* rng) {
  const Party party = DrawParty(rng);
  const bool small = rng->Chance(0.3);
  const int64_t by_us =
      small ? static_cast<int64_t>(rng->Below(kLeaseMs * kMs / 8)) : DrawMs(rng, 40, 4000);
  if (party.kind == Party::Kind::kReader) return;
  ++stats_.clock_jumps;
  Log(absl::StrCat("a clock of kind ", static_cast<int>(party.kind), " jumps by ", by_us / kMs,
                   " ms"));
  if (party.kind == Party::Kind::kShard) {
    if (ShardProcess* shard = CurrentShard(PlaceId(party.index))) shard->clock.Jump(by_us);
  } else if (party.kind == Party::Kind::kWorker) {
    if (WorkerProcess* worker = seats_[party.index]) worker->clock.Jump(by_us);
  } else {
    scheduler_clock_.Jump(by_us);
    scheduler_jumped_us_ = small ? scheduler_jumped_us_ + by_us : 0;
    if (!small) scheduler_awake_since_ = std::max(now_us_, scheduler_busy_until_);
  }
}

void World::FillDisk(Rng* rng) {
  if (quiet_) return;
  Party party = DrawParty(rng);
  if (party.kind != Party::Kind::kShard) party = {Party::Kind::kScheduler};
  ++stats_.full_disks;
  full_until_[party] = now_us_ + DrawMs(rng, 20, 200);
}

void World::SlowDisk(Rng* rng) {
  if (quiet_) return;
  Party party = DrawParty(rng);
  if (party.kind != Party::Kind::kShard) party = {Party::Kind::kScheduler};
  ++stats_.slow_spells;
  slow_until_[party] = now_us_ + DrawMs(rng, 20, 200);
}

bool World::IsFull(const Party& party) const {
  const auto full = full_until_.find(party);
  return full != full_until_.end() && full->second > now_us_;
}

bool World::IsSlow(const Party& party) const {
  const auto slow = slow_until_.find(party);
  return slow != slow_until_.end() && slow->second > now_us_;
}

// What was being written when the machine died is whole, cannot be read, or was never there.
void World::LeaveHalfWritten(Rng* rng, ShardProcess* shard) {
  for (const auto& [name, written] : std::exchange(shard->writing, {})) {
    const uint64_t left = rng->Below(3);
    if (left == 0 || !TakeAll(written.get())) continue;
    if (!disk_.try_emplace(name, written->image).second) continue;
    ++(left == 1 ? stats_.torn_images : stats_.late_images);
    if (left == 1) torn_.insert(name);
  }
}

// A state is replaced by a rename: it is the old one or the new one.
void World::LeaveState(Rng* rng) {
  if (!state_in_writing_) return;
  const SchedulerState state = *std::exchange(state_in_writing_, std::nullopt);
  if (Makes(Mutation::state_in_place)) state_torn_ = true;
  if (IsFull({Party::Kind::kScheduler}) || rng->Chance(0.5)) return;
  ++stats_.late_states;
  TakeState(state);
}

}  // namespace rubato::sim
