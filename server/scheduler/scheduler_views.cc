// Who is told which view, and the new view of a fleet resume: see server/scheduler/scheduler.h.
#include <algorithm>
#include <vector>

#include "common/base/status.h"
#include "common/wire/protocol.h"
#include "server/scheduler/scheduler.h"

namespace rubato {

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
  state_.high_water.clear();
  for (const auto& [life, clock] : high_water_) state_.high_water.push_back({life, clock});
  view.kept = state_.set_aside;
  for (const CommittedEpoch& epoch : state_.earlier) view.kept.push_back(epoch.epoch);
  out->persist = state_;
  for (const ShardEntry& shard : view.shards) {
    if (shard.life != kNoLife) out->messages.push_back({shard.nonce, view});
  }
  for (const MemberEntry& member : view.members) out->messages.push_back({member.nonce, view});
  for (const ReaderEntry& reader : view.readers) out->messages.push_back({reader.nonce, view});
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
  for (const MemberEntry& member : view.members) Retire(member.nonce);
  for (const ReaderEntry& reader : view.readers) Retire(reader.nonce);
  for (size_t i = places; i < view.shards.size(); ++i) {
    if (view.shards[i].life == kNoLife) continue;
    Retire(view.shards[i].nonce);
    // Not in the next view any more, so it would never hear of it: told here, and again by its
    // Reports.
  }
  std::vector<ShardEntry> dropped;
  if (places < view.shards.size()) {
    dropped.assign(view.shards.begin() + places, view.shards.end());
  }
  view.shards.resize(places);
  for (ShardEntry& shard : view.shards) {
    if (shard.life != kNoLife) shard.life = NextLife();
  }
  view.generation = Generation(view.generation.value() + 1);
  view.members.clear();
  view.readers.clear();  // they come back as well: another number of shards is another plan
  view.sealed.clear();
  view.cut.reset();
  view.floor = view.committed.clock;
  reports_.clear();
  slowest_.clear();
  durable_.clear();
  high_water_.clear();
  added_.clear();
  torn_told_.clear();
  start_timed_out_ = false;
  generation_since_ = now;
  Emit(out, {SchedulerEventKind::kFleetResume, kNoLife, view.committed.clock, Clock(places), why});
  Publish(out);
  for (const ShardEntry& shard : dropped) {
    if (shard.life != kNoLife) out->messages.push_back({shard.nonce, view});
  }
}

}  // namespace rubato
