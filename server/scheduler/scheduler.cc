// Hellos and reports: see server/scheduler/scheduler.h.
#include "server/scheduler/scheduler.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "common/base/status.h"
#include "common/wire/protocol.h"

namespace rubato {
namespace {

// A predict or an evaluation each; every one is a line of each view.
constexpr size_t kMaxReaders = 64;

void Refuse(Nonce to, absl::StatusCode code, const std::string& sentence, SchedulerOutput* out) {
  out->messages.push_back({to, ErrorReply{static_cast<uint32_t>(code), sentence}});
}

// Sent before the one that is known, and overtaken. None of these three ever falls while a shard
// life serves (before, it has seen nothing); where they are equal, what else differs is mended by
// the next report.
bool IsOlder(const ShardReport& report, const ShardReport& known) {
  if (report.life != known.life) return false;
  if (report.seen != known.seen) return report.seen < known.seen;
  return report.end < known.end || report.min_clock < known.min_clock;
}

}  // namespace

Scheduler::Scheduler(SchedulerOptions options, SchedulerState state, Instant now)
    : options_(std::move(options)),
      job_fingerprint_(options_.job.Fingerprint()),
      state_(std::move(state)),
      retired_(state_.retired.begin(), state_.retired.end()),
      superseded_(state_.superseded.begin(), state_.superseded.end()),
      clock_(now, EvictionRule::AsleepAfter(options_.lease)),
      cut_passed_at_(now),
      committed_at_(now),
      margin_(options_.first_margin),
      generation_since_(now) {
  for (const Position& position : state_.high_water) high_water_[position.life] = position.clock;
  for (const MemberEntry& member : view().members) added_[member.life] = view().version;
  std::set<SeatId> seats;
  for (const Contender& one : state_.contenders) {
    if (!seats.insert(one.seat).second) contested_.insert(one.seat);
  }
}

SchedulerState Scheduler::FirstState(const Job& job) {
  SchedulerState state;
  state.job_fingerprint = job.Fingerprint();
  state.view.version = ViewVersion(1);
  state.view.shards.resize(job.places);
  return state;
}

// Who slept heard nobody, as if it had been restarted: everybody has one full lease from now on.
Instant Scheduler::Awake(Instant now) {
  const Duration slept = clock_.slept();
  const Instant awake = clock_.Read(now);
  if (clock_.slept() == slept) return awake;
  for (auto& [life, peer] : peers_) peer.heard = awake;
  return awake;
}

void Scheduler::Receive(Instant at, Nonce from, const Message& message, SchedulerOutput* out) {
  const Instant now = Awake(at);
  if (const auto* hello = std::get_if<Hello>(&message)) return ReceiveHello(now, from, *hello, out);
  if (const auto* beat = std::get_if<Heartbeat>(&message)) {
    return ReceiveHeartbeat(now, from, *beat, out);
  }
  if (const auto* report = std::get_if<ShardReport>(&message)) {
    return ReceiveReport(now, from, *report, out);
  }
}

void Scheduler::Tick(Instant at, SchedulerOutput* out) {
  const Instant now = Awake(at);
  ReportPossibleLossAgain(out);
  EvictSilent(now, out);
  StartPending(now, out);
  CheckSealed(now, out);
  TellIfNobodyTrains(out);
  WithdrawIfOverdue(now, out);
  RequestIfOverdue(now, out);
  OpenCutIfDue(now, out);
  ResendViews(out);
}

// Hello ------------------------------------------------------------------------------------------

absl::Status Scheduler::CheckData(const Hello& hello) const {
  const DataDigests& own = options_.job.data;
  const auto differ = [](uint64_t a, uint64_t b) { return a != 0 && b != 0 && a != b; };
  const char* other = differ(hello.encoding_digest, own.encoding)
                          ? "another encoding (data/encoding.json)"
                      : differ(hello.rows_digest, own.rows) ? "other rows (data/*.rbd)"
                                                            : nullptr;
  if (other == nullptr) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrFormat(
      "the run folder of this process has %s than the scheduler's: prepare the run on this host "
      "from the same data, copy the folder from there, or let all hosts see one folder "
      "(data.shared = true)",
      other));
}

absl::Status Scheduler::CheckHello(const Hello& hello) const {
  if (hello.protocol != kProtocolVersion) {
    return absl::FailedPreconditionError(
        absl::StrFormat("the fleet speaks protocol %d and this process %d: start it from the same "
                        "build as the scheduler",
                        kProtocolVersion, hello.protocol));
  }
  RETURN_IF_ERROR(CheckData(hello));  // first: other data often make another model
  if (hello.job_fingerprint != job_fingerprint_) {
    return absl::FailedPreconditionError(
        "this process trains another model than the fleet: give it the run folder of the fleet");
  }
  if (hello.role == Role::kWorker && hello.index >= options_.job.seats) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "seat %d does not exist: this run has %d workers", hello.index, options_.job.seats));
  }
  if (hello.role == Role::kShard && hello.index >= view().shards.size()) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "place %d does not exist: this run has %d shards", hello.index, view().shards.size()));
  }
  return absl::OkStatus();
}

void Scheduler::ReceiveHello(Instant now, Nonce from, const Hello& hello, SchedulerOutput* out) {
  if (const absl::Status status = CheckHello(hello); !status.ok()) {
    return Refuse(from, status.code(), std::string(status.message()), out);
  }
  if (hello.role == Role::kWorker && SeatRule::IsOver(Superseded(hello.process))) {
    return Refuse(from, SeatRule::kTaken,
                  absl::StrFormat("a newer process has taken seat %d: nothing is left for this one "
                                  "to do",
                                  hello.index),
                  out);
  }
  if (retired_.contains(from)) {
    out->messages.push_back({from, Stale{kNoLife, view().version, from}});
    return;
  }
  switch (hello.role) {
    case Role::kWorker:
      return HelloFromWorker(now, from, hello, out);
    case Role::kShard:
      return HelloFromShard(from, hello, out);
    case Role::kReader:
      return HelloFromReader(now, from, out);
  }
}

void Scheduler::HelloFromWorker(Instant now, Nonce from, const Hello& hello, SchedulerOutput* out) {
  const SeatId seat(hello.index);
  Life old = kNoLife;
  for (const MemberEntry& member : view().members) {
    if (member.nonce == from) {
      peers_[member.life].heard = now;
      out->messages.push_back({from, view()});
      return;
    }
    if (member.seat == seat) old = member.life;
  }
  if (view().sealed.size() + view().members.size() >= kMaxLives) {
    const std::string sentence = absl::StrFormat(
        "%d workers have left since the last snapshot: try again when the next one is committed",
        view().sealed.size());
    return Refuse(from, absl::StatusCode::kUnavailable, sentence, out);
  }
  // Its end is told, and a scheduler that was started again has to hear of it first. Until all
  // shards are there nobody could begin anyway.
  if (old != kNoLife && !AllShardsReported()) return;
  if (old != kNoLife) Seal(old, Departure::kReplaced, "its seat said Hello again", out);
  TakeSeat(seat, hello.process);
  MemberEntry member;
  member.life = NextLife();
  member.seat = seat;
  member.nonce = from;
  added_[member.life] = ViewVersion(view().version.value() + 1);
  peers_[member.life] = Peer{.heard = now, .worked = now};
  state_.view.members.push_back(member);
  Emit(out, {SchedulerEventKind::kJoined, member.life, Clock(0), Clock(0),
             absl::StrCat("seat ", seat.value()), seat.value()});
  Publish(out);
}

void Scheduler::HelloFromShard(Nonce from, const Hello& hello, SchedulerOutput* out) {
  const PlaceId place(hello.index);
  ShardEntry& entry = state_.view.shards[hello.index];
  if (entry.life != kNoLife && entry.nonce == from) {
    out->messages.push_back({from, view()});
    return;
  }
  const bool replaces = entry.life != kNoLife;
  if (replaces) {
    Retire(entry.nonce);
    // What sealed lives had pushed to the last life of this shard may be gone with it.
    for (const SealedEntry& sealed : view().sealed) ReportPossibleLoss(sealed.life, out);
  }
  TakePlace(place, hello.process);
  entry = {NextLife(), from, hello.address, hello.key};
  RaiseFloor();
  reports_.erase(place);
  durable_.erase(place);
  Emit(out, {SchedulerEventKind::kShardLife, entry.life, Clock(0), Clock(0),
             absl::StrCat("place ", place.value()), place.value()});
  Publish(out);
}

void Scheduler::HelloFromReader(Instant now, Nonce from, SchedulerOutput* out) {
  for (const ReaderEntry& reader : view().readers) {
    if (reader.nonce == from) {
      peers_[reader.life].heard = now;
      out->messages.push_back({from, view()});
      return;
    }
  }
  if (view().readers.size() >= kMaxReaders) {
    const std::string sentence = absl::StrFormat(
        "this fleet has %d readers already: try again when one of them is done", kMaxReaders);
    return Refuse(from, absl::StatusCode::kResourceExhausted, sentence, out);
  }
  const ReaderEntry reader{NextLife(), from};
  peers_[reader.life] = Peer{.heard = now, .worked = now};
  state_.view.readers.push_back(reader);
  Publish(out);
}

// Heartbeats and reports -------------------------------------------------------------------------

void Scheduler::ReceiveHeartbeat(Instant now, Nonce from, const Heartbeat& beat,
                                 SchedulerOutput* out) {
  const MemberEntry* member = FindMember(beat.life);
  const ReaderEntry* reader = FindReader(beat.life);
  const bool believed =
      (member != nullptr && member->nonce == from) || (reader != nullptr && reader->nonce == from);
  if (!believed || beat.generation != view().generation) return TellIfKnown(from, out);
  Peer& peer = peers_.try_emplace(beat.life, Peer{.heard = now, .worked = now}).first->second;
  peer.heard = now;
  peer.seen = std::max(peer.seen, beat.seen);
  peer.clock = std::max(peer.clock, beat.clock);
  if (beat.work != peer.work) {
    peer.work = beat.work;
    peer.worked = now;
  }
  if (reader != nullptr) {
    if (beat.leaving) {
      Retire(reader->nonce);
      std::erase_if(state_.view.readers, [&](const ReaderEntry& r) { return r.life == beat.life; });
      Publish(out);
    }
    return;
  }
  NoteAnswer(member->seat, out);
  NoteQuarantine(beat, out);
  if (member->start) high_water_[beat.life] = std::max(high_water_[beat.life], *member->start);
  if (beat.gap) {
    Resume(now, static_cast<uint32_t>(view().shards.size()),
           absl::StrFormat("life %d cannot replay what shard %d needs", beat.life.value(),
                           beat.gap->value()),
           out);
  } else if (beat.leaving) {
    Seal(beat.life, Departure::kLeft, "done", out);
  } else if (beat.log_fill) {
    const Duration pause = WishRule::Pause(options_.snapshot_pause, *beat.log_fill);
    if (now - committed_at_ >= pause) WantSnapshot(now, out);
  }
}

void Scheduler::ReceiveReport(Instant now, Nonce from, const ShardReport& report,
                              SchedulerOutput* out) {
  const size_t place = report.place.value();
  if (place >= view().shards.size()) return TellIfKnown(from, out);
  const ShardEntry& entry = view().shards[place];
  if (entry.life != report.life || entry.nonce != from) {
    return TellIfKnown(from, out);  // an old life of this place: it stops when it reads this
  }
  if (report.generation != view().generation) return;
  const bool cuts = view().cut && report.durable == view().cut->snapshot;
  ShardReport& known = reports_[report.place];
  const bool older = IsOlder(report, known);
  for (const Position& p : report.positions) {
    // Kept of each life with a start until it leaves the view: others mean nothing any more.
    const auto highest = high_water_.find(p.life);
    if (highest != high_water_.end()) highest->second = std::max(highest->second, p.clock);
  }
  if (older) return;
  NoteStore(now, known, report);
  const bool served = known.life == report.life && known.seen > ViewVersion(0);
  if (!served && report.seen > ViewVersion(0)) {
    Emit(out, {SchedulerEventKind::kShardServes, report.life, report.min_clock, Clock(0),
               absl::StrCat("place ", place), report.place.value()});
  }
  known = report;
  NoteProgress(now, report);
  WatchLoad(report, out);
  if (report.load_failed) {
    Emit(out, {SchedulerEventKind::kLoadFailed, report.life, Clock(0), Clock(0),
               absl::StrFormat(
                   "shard %d cannot load the committed snapshot: see the log of its server", place),
               report.place.value()});
    return;
  }
  if (view().cut && report.refused == view().cut->snapshot) {
    margin_ = std::max<int64_t>(1, 2 * margin_);
    Withdraw(absl::StrFormat("refused by shard %d", place), out);
  }
  if (report.wants_snapshot && report.seen == view().version) WantSnapshot(now, out);
  if (cuts) durable_[report.place] = *report.durable;
  StartPending(now, out);
  CheckSealed(now, out);  // before a commit lets sealed lives leave the view
  if (cuts) CommitIfDurable(now, out);
}

// What is known of the fleet ---------------------------------------------------------------------

MemberEntry* Scheduler::FindMember(Life life) {
  for (MemberEntry& member : state_.view.members) {
    if (member.life == life) return &member;
  }
  return nullptr;
}

const ReaderEntry* Scheduler::FindReader(Life life) const {
  for (const ReaderEntry& reader : view().readers) {
    if (reader.life == life) return &reader;
  }
  return nullptr;
}

bool Scheduler::AllShardsHaveLives() const {
  return std::all_of(view().shards.begin(), view().shards.end(),
                     [](const ShardEntry& shard) { return shard.life != kNoLife; });
}

bool Scheduler::AllShardsReported() const {
  return AllShardsHaveLives() && reports_.size() == view().shards.size() &&
         std::all_of(reports_.begin(), reports_.end(),
                     [](const auto& report) { return report.second.seen > ViewVersion(0); });
}

Clock Scheduler::known_min_clock() const {
  std::optional<Clock> lowest;
  for (const auto& [place, report] : reports_) {
    lowest = std::min(lowest.value_or(report.min_clock), report.min_clock);
  }
  return lowest.value_or(view().committed.clock);
}

// Members' own clocks count too: a started iteration may be applied anywhere at any moment.
Clock Scheduler::known_end() const {
  Clock end = view().committed.clock;
  for (const auto& [place, report] : reports_) end = std::max(end, report.end);
  for (const MemberEntry& member : view().members) {
    const auto peer = peers_.find(member.life);
    if (member.start && peer != peers_.end()) end = std::max(end, peer->second.clock);
  }
  return end;
}

ClockDelta Scheduler::known_spread() const {
  ClockDelta widest;
  for (const auto& [place, report] : reports_) {
    widest = std::max(widest, report.end - report.min_clock);
  }
  return widest;
}

}  // namespace rubato
