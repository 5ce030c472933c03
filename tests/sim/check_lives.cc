// V16 and V9 over lives that have ended: what is still said of them, and what they have cost.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/sim/world.h"

namespace rubato::sim {

// V16: a sealed life leaves the view with the first commit whose cut was opened after it was
// sealed; and nothing else is kept of a life that is not in the view.
void World::CheckState(const SchedulerState& state) {
  const View& view = state.view;
  const View& before = scheduler_disk_.view;
  stats_.most_sealed = std::max(stats_.most_sealed, uint64_t{view.sealed.size()});
  if (view.cut) before_cut_.try_emplace(view.cut->snapshot, before.version);
  const bool commits = view.committed.number > before.committed.number;
  const ViewVersion settled = commits ? before_cut_[view.committed.number] : ViewVersion(0);
  std::set<Life> known;
  for (const SealedEntry& sealed : view.sealed) {
    known.insert(sealed.life);
    if (sealed.sealed_at > settled) continue;
    return Violate(
        "V16",
        absl::StrCat("life ", sealed.life.value(), " was sealed by view ", sealed.sealed_at.value(),
                     ", and is so still after snapshot ", view.committed.number.value()));
  }
  for (const MemberEntry& member : view.members) known.insert(member.life);
  const auto forgotten = [&](Life life) { return !known.contains(life); };
  const bool more =
      std::ranges::any_of(state.high_water, forgotten, &Position::life) ||
      std::ranges::any_of(state.torn, forgotten, [](const auto& t) { return t.first; });
  if (more) Violate("V16", "the scheduler remembers a life that its view does not name");
  for (const auto& [life, lacking] : state.torn) reported_.insert({view.generation, life});
}

// V19: once a process has answered in the life that it was given on a seat, whoever had one there
// before it came gets none any more.
void World::CheckHolders() {
  for (const MemberEntry& member : scheduler_->view().members) {
    const auto found = worker_of_.find(member.nonce);
    if (found == worker_of_.end()) continue;
    Holders& holders = holders_[member.seat];
    std::vector<WorkerProcess*>& processes = holders.processes;
    const auto rank = std::ranges::find(processes, found->second) - processes.begin();
    if (rank == std::ssize(processes)) processes.push_back(found->second);
    if (rank >= holders.over) continue;
    return Violate("V19", absl::StrCat("seat ", member.seat.value(),
                                       " goes back to a process that a newer one followed"));
  }
}

void World::NoteAnswer(Nonce from, const Message& message) {
  const auto* beat = std::get_if<Heartbeat>(&message);
  if (beat == nullptr || beat->generation != scheduler_->view().generation) return;
  for (const MemberEntry& member : scheduler_->view().members) {
    if (member.life != beat->life || member.nonce != from) continue;
    Holders& holders = holders_[member.seat];
    const auto process = std::ranges::find(holders.processes, worker_of_[from]);
    holders.over = std::max(holders.over, process - holders.processes.begin());
  }
}

void World::CheckForgotten(const ShardProcess& process) {
  const View& view = process.machine->view();
  for (const auto& [life, position] : process.machine->positions()) {
    const auto is_it = [life = life](const auto& entry) { return entry.life == life; };
    if (std::ranges::any_of(view.members, is_it) || std::ranges::any_of(view.sealed, is_it))
      continue;
    return Violate("V16", absl::StrCat("shard ", process.place.value(), " remembers life ",
                                       life.value(), ", which its view does not name"));
  }
}

void World::CountTorn(const SchedulerEvent& event) {
  int64_t& told = torn_told_[event.life];
  told = std::max(told, (event.clock2 - event.clock).value());
}

World::Held World::HeldOf(Life life, PlaceId place, const Shard& shard) const {
  const LifeInfo& info = lives_.at(life);
  const Contents contents = ShardContents(shard, ledger_.KeyOf(life, place, info.places));
  Held held{0, config_.last_clock};
  for (int64_t c = 0; c < config_.last_clock; ++c) {
    if (!ledger_.Marks(info, life, Clock(c), place)) continue;
    if (contents[static_cast<size_t>(c)] > 0) {
      held.below = c + 1;
    } else {
      held.lacking = std::min(held.lacking, c);
    }
  }
  return held;
}

// V9: of a life that has ended, what some shards hold and others lack was told; and the total that
// the scheduler keeps is no less than what was told.
void World::CheckTorn() {
  const View& view = scheduler_->view();
  for (const auto& [life, info] : lives_) {
    if (info.generation != view.generation || !info.start) continue;
    int64_t highest = 0;
    int64_t lowest = config_.last_clock;
    for (uint32_t p = 0; p < info.places; ++p) {
      const Held held = HeldOf(life, PlaceId(p), *shard_of_.at(view.shards[p].nonce)->machine);
      highest = std::max(highest, held.below);
      lowest = std::min(lowest, held.lacking);
    }
    if (highest <= lowest || reported_.contains({view.generation, life})) continue;
    return Violate(
        "V9", absl::StrCat("iterations ", lowest, " to ", highest - 1, " of life ", life.value(),
                           " are on some shards only, and nobody said so"));
  }
  uint64_t told = 0;
  for (const auto& [life, iterations] : torn_told_) told += static_cast<uint64_t>(iterations);
  const uint64_t kept = scheduler_disk_.pushes_lost;
  if (kept >= told) return;
  Violate("V9", absl::StrCat(told, " lost pushes were told, and the scheduler counts ", kept));
}

}  // namespace rubato::sim
