// Who is told which view, and the new view of a fleet resume: see server/scheduler/scheduler.h.
#include <algorithm>
#include <vector>

#include "common/base/status.h"
#include "common/wire/protocol.h"
#include "server/scheduler/scheduler.h"

namespace rubato {
namespace {

// A fleet resume: everybody goes back to the committed snapshot, with `places` shards. Members and
// readers come back as new lives, for another number of shards is another plan; of the shards the
// first `kept` keep their place.
void GoBack(SchedulerState* state, size_t kept, uint32_t places) {
  View& view = state->view;
  const auto retire = [state](const auto& entry) { state->retired.push_back(entry.nonce); };
  std::ranges::for_each(view.members, retire);
  std::ranges::for_each(view.readers, retire);
  for (size_t i = kept; i < view.shards.size(); ++i) {
    if (view.shards[i].life != kNoLife) retire(view.shards[i]);
  }
  view.generation = Generation(view.generation.value() + 1);
  view.shards.resize(std::min(kept, view.shards.size()));
  view.shards.resize(places);
  view.members.clear();
  view.readers.clear();
  view.sealed.clear();
  view.cut.reset();
  view.floor = view.committed.clock;
  state->high_water.clear();
  state->torn.clear();
}

}  // namespace

SchedulerState Scheduler::ResumedState(SchedulerState state, uint32_t places) {
  GoBack(&state, 0, places);
  state.pushes_lost = 0;  // each start says its own
  state.view.version = ViewVersion(state.view.version.value() + 1);
  return state;
}

// Who has or had a life learns from the view that it is over. A stranger learns nothing: nonces are
// what a forger lacks, and a view is full of them.
void Scheduler::TellIfKnown(Nonce to, SchedulerOutput* out) const {
  if (Knows(to)) out->messages.push_back({to, view()});
}

bool Scheduler::Knows(Nonce nonce) const {
  return retired_.contains(nonce) || FenceRule::Names(view(), nonce);
}

void Scheduler::Publish(SchedulerOutput* out) {
  View& view = state_.view;
  view.version = ViewVersion(view.version.value() + 1);
  RaiseFloor();
  ForgetTheGone();
  view.kept = state_.set_aside;
  for (const CommittedSnapshot& snapshot : state_.earlier) view.kept.push_back(snapshot.number);
  Persist(out);
  for (const ShardEntry& shard : view.shards) {
    if (shard.life != kNoLife) out->messages.push_back({shard.nonce, view});
  }
  for (const MemberEntry& member : view.members) out->messages.push_back({member.nonce, view});
  for (const ReaderEntry& reader : view.readers) out->messages.push_back({reader.nonce, view});
}

void Scheduler::Persist(SchedulerOutput* out) {
  KeepNewestRetired();
  state_.high_water.clear();
  for (const auto& [life, clock] : high_water_) state_.high_water.push_back({life, clock});
  out->persist = state_;
}

// Before a report is forgotten, and in each new view.
void Scheduler::RaiseFloor() {
  Clock& floor = state_.view.floor;
  for (const auto& [place, report] : reports_) floor = std::max(floor, report.min_clock);
}

void Scheduler::ResendViews(SchedulerOutput* out) {
  const ViewVersion version = view().version;
  for (size_t i = 0; i < view().shards.size(); ++i) {
    const ShardEntry& shard = view().shards[i];
    if (shard.life == kNoLife) continue;
    const auto report = reports_.find(PlaceId(static_cast<uint32_t>(i)));
    if (report == reports_.end() || report->second.seen < version) {
      out->messages.push_back({shard.nonce, view()});
    }
  }
  for (const MemberEntry& member : view().members) {
    if (peers_[member.life].seen < version) out->messages.push_back({member.nonce, view()});
  }
  for (const ReaderEntry& reader : view().readers) {
    if (peers_[reader.life].seen < version) out->messages.push_back({reader.nonce, view()});
  }
}

void Scheduler::FleetResume(Instant now, uint32_t places, const std::string& why,
                            SchedulerOutput* out) {
  Resume(Awake(now), places, why, out);
}

void Scheduler::Resume(Instant now, uint32_t places, const std::string& why, SchedulerOutput* out) {
  if (finished()) return;
  View& view = state_.view;
  // Not in the next view any more, so they would never hear of it: told here, and again by their
  // Reports.
  std::vector<ShardEntry> dropped;
  if (places < view.shards.size()) {
    dropped.assign(view.shards.begin() + places, view.shards.end());
  }
  GoBack(&state_, places, places);
  retired_.insert(state_.retired.begin(), state_.retired.end());
  for (ShardEntry& shard : view.shards) {
    if (shard.life != kNoLife) shard.life = NextLife();
  }
  ForgetGeneration(now);
  Emit(out, {SchedulerEventKind::kFleetResume, kNoLife, view.committed.clock, Clock(places), why});
  Publish(out);
  for (const ShardEntry& shard : dropped) {
    if (shard.life != kNoLife) out->messages.push_back({shard.nonce, view});
  }
}

// What was heard of the lives that have ended.
void Scheduler::ForgetGeneration(Instant now) {
  reports_.clear();
  slowest_.clear();
  durable_.clear();
  high_water_.clear();
  added_.clear();
  torn_told_.clear();
  start_timed_out_ = false;
  generation_since_ = now;
}

}  // namespace rubato
