// Joining, leaving and eviction.
#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/wire/protocol.h"
#include "server/scheduler/scheduler.h"

namespace rubato {
namespace {

// Processes of one seat, of which none has answered after the others had come.
constexpr size_t kMaxContenders = 16;

void KeepNewest(size_t most, std::vector<Nonce>* nonces, absl::flat_hash_set<Nonce>* set) {
  if (nonces->size() <= most) return;
  const auto end = nonces->end() - static_cast<ptrdiff_t>(most);
  std::for_each(nonces->begin(), end, [set](Nonce nonce) { set->erase(nonce); });
  nonces->erase(nonces->begin(), end);
}

}  // namespace

// Gives J to pending members once every current shard life holds its min_clock for them.
void Scheduler::StartPending(Instant now, SchedulerOutput* out) {
  if (!AllShardsReported() || !QuorumReached(now, out)) return;
  bool any = false;
  const Clock past = Begun() ? PastEvaluations() : Clock(0);
  for (MemberEntry& member : state_.view.members) {
    if (member.start) continue;
    std::optional<Clock> start = StartClockFor(member);
    if (!start) continue;
    start = std::max(*start, past);
    member.start = start;
    high_water_[member.life] = *start;
    any = true;
    Emit(out, {SchedulerEventKind::kStarted, member.life, *start, Clock(0),
               absl::StrCat("seat ", member.seat.value()), member.seat.value()});
  }
  if (any) Publish(out);
}

// J = the highest min_clock that any shard holds for it, and never below one reported before: no
// read that was already answered becomes false.
std::optional<Clock> Scheduler::StartClockFor(const MemberEntry& member) const {
  Clock floor = view().floor;
  std::vector<Clock> held;
  const auto added = added_.find(member.life);
  for (const auto& [place, report] : reports_) {
    if (added == added_.end() || report.seen < added->second) return std::nullopt;
    const auto pending =
        std::find_if(report.pending.begin(), report.pending.end(),
                     [&](const Position& position) { return position.life == member.life; });
    if (pending == report.pending.end()) return std::nullopt;
    held.push_back(pending->clock);
    floor = std::max(floor, report.min_clock);
  }
  return JoinRule::Start(held, floor);
}

// A life has had a start in this generation. Sealed ones leave the view at a commit, never sooner.
bool Scheduler::Begun() const {
  const std::vector<MemberEntry>& members = view().members;
  const CommittedSnapshot& committed = view().committed;
  const bool commits = !committed.images.empty() && committed.generation == view().generation;
  return commits || !view().sealed.empty() ||
         std::any_of(members.begin(), members.end(),
                     [](const MemberEntry& member) { return member.start.has_value(); });
}

// With best_epoch, one past the last evaluation that is committed. Members may have left it behind
// and push on, even if a younger shard life does not hold that yet: a joiner there would see it.
Clock Scheduler::PastEvaluations() const {
  if (!options_.job.best_epoch) return Clock(0);
  return options_.job.BeginOfEpoch(view().committed.clock.Next());
}

// At the start of a run and of each generation all seats begin together.
bool Scheduler::QuorumReached(Instant now, SchedulerOutput* out) {
  if (Begun() || start_timed_out_) return true;
  const std::vector<MemberEntry>& members = view().members;
  if (members.size() >= options_.job.seats) {
    return std::all_of(members.begin(), members.end(), [&](const MemberEntry& member) {
      return StartClockFor(member).has_value();
    });
  }
  if (options_.deterministic || now - generation_since_ < options_.start_timeout) return false;
  start_timed_out_ = true;
  std::string missing;
  for (uint32_t seat = 0; seat < options_.job.seats; ++seat) {
    const bool here = std::any_of(members.begin(), members.end(), [&](const MemberEntry& member) {
      return member.seat == SeatId(seat);
    });
    if (!here) absl::StrAppend(&missing, missing.empty() ? "" : ", ", seat);
  }
  Emit(out, {SchedulerEventKind::kSeatsMissing, kNoLife, Clock(0), Clock(0), missing});
  return true;
}

// Its life is over: it is given no other, and may be told so.
void Scheduler::Retire(Nonce nonce) {
  if (retired_.insert(nonce).second) state_.retired.push_back(nonce);
}

// Who says Hello has the seat, and of all processes that said it the newest is who came last. That
// one may have died since, and its Hello may have been on its way for long: so those before it are
// over only once it has answered.
void Scheduler::TakeSeat(SeatId seat, Nonce process) {
  std::vector<Contender>& all = state_.contenders;
  bool known = false;
  size_t others = 0;
  for (Contender& one : all) {
    if (one.seat != seat) continue;
    one.holds = one.process == process;
    known |= one.holds;
    others += !one.holds;
  }
  if (others > 0) contested_.insert(seat);
  if (known) return;
  if (others == kMaxContenders) {
    all.erase(std::ranges::find(all, seat, &Contender::seat));
  }
  all.push_back({seat, process, true});
}

// Its member has: whoever came before it may live on where nobody can end it, and shall not fight
// with it for the seat.
void Scheduler::NoteAnswer(SeatId seat, SchedulerOutput* out) {
  if (!contested_.contains(seat)) return;
  std::vector<Contender>& all = state_.contenders;
  const auto holder = std::ranges::find_if(
      all, [seat](const Contender& one) { return one.seat == seat && one.holds; });
  if (holder == all.end()) return;
  const auto is_older = [seat](const Contender& one) { return one.seat == seat && !one.holds; };
  const auto kept = std::remove_if(all.begin(), holder, [&](const Contender& one) {
    if (is_older(one)) Supersede(one.process);
    return is_older(one);
  });
  const bool any = kept != holder;
  all.erase(kept, holder);
  if (std::ranges::count(all, seat, &Contender::seat) == 1) contested_.erase(seat);
  if (any) Persist(out);
}

// Of a place there is no such doubt: a shard that is followed ends, whoever follows it.
void Scheduler::TakePlace(PlaceId place, Nonce process) {
  std::vector<Nonce>& holders = state_.place_holders;
  holders.resize(std::max(holders.size(), size_t{place.value()} + 1));
  Nonce& holder = holders[place.value()];
  if (holder != Nonce() && holder != process) Supersede(holder);
  holder = process;
}

void Scheduler::Supersede(Nonce process) {
  if (process == Nonce()) return;  // nobody knows whose it is
  if (superseded_.insert(process).second) state_.superseded.push_back(process);
}

void Scheduler::KeepNewestRetired() {
  KeepNewest(options_.retired_kept, &state_.retired, &retired_);
  KeepNewest(options_.retired_kept, &state_.superseded, &superseded_);
}

void Scheduler::Seal(Life life, Departure departure, const std::string& why, SchedulerOutput* out) {
  View& view = state_.view;
  const auto member = std::find_if(view.members.begin(), view.members.end(),
                                   [&](const MemberEntry& m) { return m.life == life; });
  if (member == view.members.end()) return;
  // Whoever is gone after the last commit has left, even if its goodbye was lost.
  const bool left = departure == Departure::kLeft || finished();
  Retire(member->nonce);
  if (member->start) {
    view.sealed.push_back(
        {life, member->seat, *member->start, ViewVersion(view.version.value() + 1)});
  }
  const bool started = member->start.has_value();
  const SeatId seat = member->seat;
  view.members.erase(member);
  const auto kind = left                                ? SchedulerEventKind::kLeft
                    : departure == Departure::kReplaced ? SchedulerEventKind::kReplaced
                                                        : SchedulerEventKind::kEvicted;
  Emit(out, {kind, life, high_water_[life], Clock(0),
             absl::StrFormat("seat %d: %s", seat.value(), why), seat.value()});
  if (!left && started && ShardIsYounger(life)) ReportPossibleLoss(life, out);
  if (!left && started && options_.deterministic) {
    return Resume(generation_since_, static_cast<uint32_t>(view.shards.size()),
                  absl::StrFormat("life %d was evicted", life.value()), out);
  }
  Publish(out);
}

// A restarted scheduler has heard nobody yet: it waits one full lease before it evicts.
void Scheduler::EvictSilent(Instant now, SchedulerOutput* out) {
  std::vector<std::pair<Life, std::string>> silent;
  for (const MemberEntry& member : view().members) {
    const Peer& peer =
        peers_.try_emplace(member.life, Peer{.heard = now, .worked = now}).first->second;
    if (now - peer.heard > options_.lease) silent.emplace_back(member.life, "no heartbeat");
  }
  for (auto& [place, slowest] : slowest_) {
    const MemberEntry* member = FindMember(slowest.life);
    const bool moves = member != nullptr && member->start && !Waits() && !IsAhead(place);
    if (!moves) {
      slowest.since = now;
      continue;
    }
    if (now - std::max(slowest.since, peers_[member->life].worked) <= options_.stall) continue;
    silent.emplace_back(member->life,
                        absl::StrFormat("no progress on shard %d, and no work", place.value()));
  }
  for (const auto& [life, why] : silent) Seal(life, Departure::kEvicted, why, out);
  EvictSilentReaders(now, out);
}

void Scheduler::EvictSilentReaders(Instant now, SchedulerOutput* out) {
  const size_t before = view().readers.size();
  std::erase_if(state_.view.readers, [&](const ReaderEntry& reader) {
    Peer& peer = peers_.try_emplace(reader.life, Peer{.heard = now, .worked = now}).first->second;
    if (!AllShardsReported()) peer.worked = now;  // it cannot have what it asks for
    const bool hangs = now - peer.worked > options_.stall;
    if (hangs) {
      Emit(out, {SchedulerEventKind::kReaderHangs, reader.life, Clock(0), Clock(0),
                 "it lives and does nothing"});
    }
    if (!hangs && now - peer.heard <= options_.lease) return false;
    Retire(reader.nonce);
    return true;
  });
  if (view().readers.size() != before) Publish(out);
}

// The slowest member of a shard must move, on that shard, or work: that it lives proves nothing. On
// the shard that is farthest behind it waits for nobody, but with all others for a commit, or for a
// shard that loads. A joiner waits for its start.
void Scheduler::NoteProgress(Instant now, const ShardReport& report) {
  const Life life = report.slowest.value_or(kNoLife);
  Slowest& slowest = slowest_[report.place];
  if (slowest.life == life && slowest.clock == report.min_clock) return;
  slowest = {life, report.min_clock, now};
}

// Who is slowest there may wait for another shard, and for who is slowest on that one.
bool Scheduler::IsAhead(PlaceId place) const {
  const auto report = reports_.find(place);
  return report != reports_.end() && report->second.min_clock > known_min_clock();
}

bool Scheduler::Waits() const {
  return finished() || !AllShardsReported() ||
         (view().cut && known_min_clock() >= view().cut->clock);
}

// A silence says nothing of a store, and the first word after one may be as old as the silence.
void Scheduler::NoteStore(Instant now, const ShardReport& known, const ShardReport& report) {
  Store& store = stores_[report.place];
  if (known.life != report.life || known.work != report.work) {
    store.worked = now;
    store.stood = Duration();
  } else {
    const Duration counted = Duration::Nanos(options_.load_deadline.nanos() / 8);
    store.stood = store.stood + std::min(now - store.heard, counted);
  }
  store.heard = now;
}

// A shard that loads reports all the while; whether it gets anywhere its store must show.
void Scheduler::WatchLoad(const ShardReport& report, SchedulerOutput* out) {
  if (report.seen != ViewVersion(0)) return;
  Store& store = stores_[report.place];
  if (store.stood <= options_.load_deadline) return;
  store.stood = Duration();  // told once a deadline
  Emit(out, {SchedulerEventKind::kLoadStands, report.life, Clock(0), Clock(0),
             absl::StrFormat("has read nothing of the committed snapshot for %d s",
                             static_cast<int>(options_.load_deadline.seconds())),
             report.place.value()});
}

// What a worker says of itself is soft, as all that is known of peers: a scheduler that was
// restarted hears it again, and tells it again.
void Scheduler::NoteQuarantine(const Heartbeat& beat, SchedulerOutput* out) {
  Peer& peer = peers_[beat.life];
  if (!beat.quarantined || peer.quarantined) return;
  peer.quarantined = beat.quarantined;
  Emit(out, {SchedulerEventKind::kQuarantined, beat.life, *beat.quarantined, Clock(0),
             absl::StrFormat("the gradients of %d iteration%s were no numbers", beat.strikes,
                             beat.strikes == 1 ? "" : "s"),
             FindMember(beat.life)->seat.value()});
  TellIfNobodyTrains(out);  // before anything can be committed
}

std::vector<SeatId> Scheduler::quarantined() const {
  std::vector<SeatId> seats;
  for (const MemberEntry& member : view().members) {
    const auto peer = peers_.find(member.life);
    if (peer != peers_.end() && peer->second.quarantined) seats.push_back(member.seat);
  }
  std::sort(seats.begin(), seats.end());
  return seats;
}

// Whose seat is empty for a moment may come back, and train.
void Scheduler::TellIfNobodyTrains(SchedulerOutput* out) {
  if (nobody_trains_ || finished() || quarantined().size() < options_.job.seats) return;
  nobody_trains_ = true;
  Emit(out, {SchedulerEventKind::kNobodyTrains, kNoLife, known_min_clock(), Clock(0), ""});
}

Instant Scheduler::stored_at() const {
  Instant latest;
  for (const auto& [place, store] : stores_) latest = std::max(latest, store.worked);
  return latest;
}

}  // namespace rubato
