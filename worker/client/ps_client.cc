// Lives and views of a client: see worker/client/ps_client.h.
#include "worker/client/ps_client.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/wire/protocol.h"

namespace rubato {
namespace {

constexpr Duration kOneWait = Duration::Seconds(1);  // what shards tell of it within this is one

}  // namespace

PsClient::PsClient(PsClientOptions options, uint64_t seed, Instant now)
    : options_(std::move(options)),
      staleness_(options_.job.staleness()),
      job_fingerprint_(options_.job.Fingerprint()),
      push_credit_(CreditRule::OfPushes(options_.job.iteration_bytes)),
      rng_(seed),
      nonce_(rng_.Next() | 1),
      cache_(options_.job.tables),
      last_beat_(now - options_.heartbeat_every) {}

void PsClient::Receive(Instant now, Nonce from, const Message& message, ClientOutput* out) {
  if (left_) return;
  if (const auto* view = std::get_if<View>(&message)) {
    if (from == kSchedulerNonce) ReceiveView(now, *view, out);
    return;
  }
  if (const auto* end = std::get_if<FleetEnd>(&message)) {
    if (from == kSchedulerNonce) out->events.push_back(FleetEnded{static_cast<int>(end->code)});
    return;
  }
  if (const auto* error = std::get_if<ErrorReply>(&message)) {
    if (!IsPeer(from)) return;
    if (from == kSchedulerNonce && SeatRule::IsTaken(*error)) {
      left_ = true;
      out->events.push_back(SeatTaken{error->sentence});
    } else {
      out->events.push_back(Refused{error->code, error->sentence});
    }
    return;
  }
  if (const auto* stale = std::get_if<Stale>(&message)) return ReceiveStale(now, from, *stale, out);
  if (life_ == kNoLife) return;
  if (const auto* reply = std::get_if<PullReply>(&message)) {
    return ReceiveReply(now, from, *reply, out);
  }
  if (const auto* ack = std::get_if<Ack>(&message)) return ReceiveAck(now, from, *ack, out);
  if (const auto* parked = std::get_if<Parked>(&message)) {
    const std::optional<size_t> place = FindPlace(from, parked->from);
    if (parked->to != life_ || !place) return;
    std::optional<Instant>& told = places_[*place].waiting_told;
    if (told && now - *told < kOneWait) return;
    told = now;
    out->events.push_back(
        Waiting{PlaceId(static_cast<uint32_t>(*place)), parked->min_clock, parked->slowest});
  }
}

void PsClient::ReceiveStale(Instant now, Nonce from, const Stale& stale, ClientOutput* out) {
  if (stale.nonce != nonce_ || !IsPeer(from)) return;
  if (stale.to == life_ && life_ != kNoLife && stale.seen < view_.version) {
    return SendSoonAgain(now, from);
  }
  if (life_ == kNoLife && stale.to == kNoLife) {
    nonce_ = Nonce(rng_.Next() | 1);  // the life it stood for ended before it was ever heard of
  } else if (stale.to == life_ && now - last_beat_ >= options_.heartbeat_every) {
    last_beat_ = now;
    Beat(out);
  }
}

// The shard refused what it was sent because its view is behind ours: it will have it in a moment.
// Every fleet begins so for somebody.
void PsClient::SendSoonAgain(Instant now, Nonce shard) {
  const Instant due = SoonAgain(now);
  for (size_t i = 0; i < places_.size(); ++i) {
    if (places_[i].nonce != shard) continue;
    places_[i].progress_at = std::min(places_[i].progress_at, due);
    places_[i].gate_asked.reset();
    for (auto& [clock, fetch] : fetches_) {
      for (Request& request : fetch.places[i].requests) {
        if (request.asked_at) request.asked_at = std::min(*request.asked_at, due);
      }
    }
  }
}

// The connection does not stand yet, or its queue is full. What is queued already stays so.
void PsClient::NotSent(Instant now, const Envelope& envelope) {
  if (envelope.to == kSchedulerNonce) {
    last_beat_ = std::min(last_beat_, now - options_.heartbeat_every + options_.resend_soon_after);
    return;
  }
  const auto place = std::ranges::find(places_, envelope.to, &Place::nonce);
  if (place == places_.end()) return;
  if (const auto* push = std::get_if<rubato::Push>(&envelope.message)) {
    place->not_sent = std::min(place->not_sent.value_or(push->clock), push->clock);
    return;
  }
  if (const auto* pull = std::get_if<Pull>(&envelope.message)) {
    const auto found = requests_.find(pull->id);
    Request* request = found == requests_.end() ? nullptr : FindRequest(pull->id, found->second);
    if (request != nullptr) {
      request->asked_at = SoonAgain(now);
      return;
    }
  }
  place->progress_at = std::min(place->progress_at, SoonAgain(now));
  place->gate_asked.reset();
}

// When something would have been sent that is sent again soon.
Instant PsClient::SoonAgain(Instant now) const {
  return now - options_.resend_after + options_.resend_soon_after;
}

void PsClient::Tick(Instant now, ClientOutput* out) {
  if (left_) return;
  if (now - last_beat_ >= options_.heartbeat_every) {
    last_beat_ = now;
    if (life_ == kNoLife) {
      SendHello(out);
    } else {
      Beat(out);
    }
  }
  if (leaves_when_durable_) LeaveIfOver(out);
  if (life_ == kNoLife || left_) return;
  ResendPulls(now, out);
  ResendPushes(now, out);
}

void PsClient::SendHello(ClientOutput* out) {
  Hello hello;
  hello.role = options_.role;
  hello.index = options_.role == Role::kWorker ? options_.seat.value() : 0;
  hello.job_fingerprint = job_fingerprint_;
  hello.encoding_digest = options_.job.data.encoding;
  hello.rows_digest = options_.job.data.rows;
  hello.process = options_.process;
  out->messages.push_back({kSchedulerNonce, hello});
}

void PsClient::Beat(ClientOutput* out) {
  Heartbeat beat;
  beat.life = life_;
  beat.generation = view_.generation;
  beat.seen = view_.version;
  beat.clock = clock_;
  beat.leaving = leaving_;
  beat.gap = gap_;
  beat.unprotected = counters_.unprotected;
  const Job& job = options_.job;
  beat.log_fill = WishRule::Fill(LogBytes(), job.retention_soft_bytes, job.retention_hard_bytes);
  if (leaves_when_durable_) beat.log_fill = 1.0F;
  if (options_.role == Role::kReader && !fetches_.empty()) ++waits_;
  beat.work = work_ + waits_;
  beat.strikes = strikes_;
  beat.quarantined = quarantined_;
  out->messages.push_back({kSchedulerNonce, beat});
}

// The commit at the last clock holds all that this worker pushed: nobody can need it any more. Its
// goodbye may be lost; then its lease ends this life.
void PsClient::LeaveIfOver(ClientOutput* out) {
  if (left_ || options_.role == Role::kReader || !MayLeave()) return;
  Leave(out);
  out->events.push_back(Left{});
}

bool PsClient::MayLeave() const {
  if (life_ == kNoLife) return leaves_when_durable_;
  if (RetentionRule::MayLeave(clock_, view_.committed.clock, options_.job.last_clock)) return true;
  return leaves_when_durable_ && (clock_ == start_clock_ || durable() >= clock_);
}

void PsClient::LeaveWhenDurable(Instant now) {
  leaves_when_durable_ = true;
  last_beat_ = std::min(last_beat_, now - options_.heartbeat_every);  // says so at the next tick
}

// Under ASP a snapshot holds what a shard has when it is cut, so the sooner nothing more comes the
// better.
std::optional<Clock> PsClient::held_from() const {
  if (!leaves_when_durable_) return std::nullopt;
  if (staleness_.infinite()) return clock_;
  return view_.cut ? std::optional(view_.cut->clock) : std::nullopt;
}

void PsClient::ReceiveView(Instant now, const View& view, ClientOutput* out) {
  if (!FenceRule::IsNewer(view.version, view_.version)) return;
  if (view.committed.number > view_.committed.number) {
    out->events.push_back(Committed{view.committed.clock});
  }
  view_ = view;
  if (options_.role == Role::kReader) {
    const auto reader = std::find_if(view.readers.begin(), view.readers.end(),
                                     [&](const ReaderEntry& r) { return r.nonce == nonce_; });
    if (life_ != kNoLife && (reader == view.readers.end() || reader->life != life_)) {
      return ResetLife("this reader is no longer in the fleet's view", out);
    }
    if (life_ == kNoLife && reader != view.readers.end()) {
      Begin(now, reader->life, Clock(0), out);
    }
  } else {
    const auto member = std::find_if(view.members.begin(), view.members.end(),
                                     [&](const MemberEntry& m) { return m.nonce == nonce_; });
    if (life_ != kNoLife && (member == view.members.end() || member->life != life_)) {
      return ResetLife("the scheduler evicted this worker, or the fleet resumed", out);
    }
    if (life_ == kNoLife && member != view.members.end()) Answer(member->life, out);
    if (life_ == kNoLife && member != view.members.end() && member->start) {
      Begin(now, member->life, *member->start, out);
    }
  }
  if (life_ != kNoLife) FollowShards(now, out);
  LeaveIfOver(out);
}

// At once: the sooner the scheduler knows that this process has heard of its life, the sooner those
// that had its seat before are over, and the less the two take it from each other.
void PsClient::Answer(Life life, ClientOutput* out) {
  Heartbeat beat;
  beat.life = life;
  beat.generation = view_.generation;
  beat.seen = view_.version;
  out->messages.push_back({kSchedulerNonce, beat});
}

void PsClient::Begin(Instant now, Life life, Clock start, ClientOutput* out) {
  // A life without shards to talk to has nothing to do: wait for a view that names them all.
  for (const ShardEntry& shard : view_.shards) {
    if (shard.life == kNoLife) return;
  }
  life_ = life;
  start_clock_ = clock_ = start;
  struck_.clear();
  if (quarantined_) quarantined_ = start;
  places_.assign(view_.shards.size(), Place{});
  for (Place& place : places_) {
    place.next_send = place.received = place.applied = start;
    place.progress_at = now;
    place.log = PushLog(start);
  }
  out->events.push_back(Started{life, start, view_.generation});
}

// A new life of a shard holds only what its image held: what this worker knew of the old one is
// void.
void PsClient::FollowShards(Instant now, ClientOutput* out) {
  for (size_t i = 0; i < places_.size(); ++i) {
    Place& place = places_[i];
    const ShardEntry& shard = view_.shards[i];
    if (place.life == shard.life) continue;
    place.life = shard.life;
    place.nonce = shard.nonce;
    place.synced = false;
    place.min_clock.reset();
    place.received = place.applied = place.next_send = start_clock_;
    place.not_sent.reset();
    place.gate_asked.reset();
    place.asked = 0;
    place.asked_bytes = 0;
    // To keep it would do no harm: it names a commit, the new life has loaded that one or a later
    // one, and under ASP a life's position in a later image is no lower. But what this life has not
    // said itself counts as not said, here as everywhere.
    place.durable = Clock(0);
    place.progress_at = now;
    cache_.Drop(PlaceId(static_cast<uint32_t>(i)));
    for (auto& [clock, fetch] : fetches_) {
      if (!fetch.ready) FillFromCache(clock, i, &fetch);
    }
    // Not before what the old life was asked is forgotten everywhere: it would be asked again.
    for (auto& [clock, fetch] : fetches_) {
      if (!fetch.ready) Ask(now, clock, i, out);
    }
    if (options_.role == Role::kWorker) {
      out->messages.push_back({place.nonce, Sync{life_, place.life}});
    }
  }
  TryReady(now, out);
}

void PsClient::ResetLife(const std::string& why, ClientOutput* out) {
  nonce_ = Nonce(rng_.Next() | 1);
  life_ = kNoLife;
  clock_ = start_clock_ = Clock(0);
  places_.clear();
  fetches_.clear();
  requests_.clear();
  cache_.Clear();
  gap_.reset();
  last_beat_ = last_beat_ - options_.heartbeat_every;  // say Hello at the next tick
  out->events.push_back(Reset{why});
}

// The place of a shard's current life, if it is that shard that says so.
std::optional<size_t> PsClient::FindPlace(Nonce from, Life shard) const {
  for (size_t i = 0; i < places_.size(); ++i) {
    if (places_[i].life == shard && places_[i].nonce == from) return i;
  }
  return std::nullopt;
}

// The scheduler, or a shard of this life.
bool PsClient::IsPeer(Nonce from) const {
  return from == kSchedulerNonce ||
         std::any_of(places_.begin(), places_.end(),
                     [&](const Place& place) { return place.nonce == from; });
}

Clock PsClient::applied() const {
  std::optional<Clock> lowest;
  for (const Place& place : places_) {
    lowest = std::min(lowest.value_or(place.applied), place.applied);
  }
  return lowest.value_or(Clock(0));
}

void PsClient::CopyApplied(std::vector<Clock>* applied) const {
  applied->clear();
  for (const Place& place : places_) applied->push_back(place.applied);
}

Clock PsClient::durable() const {
  std::optional<Clock> lowest;
  for (const Place& place : places_) {
    lowest = std::min(lowest.value_or(place.durable), place.durable);
  }
  return lowest.value_or(Clock(0));
}

void PsClient::Leave(ClientOutput* out) {
  leaving_ = true;
  if (life_ != kNoLife) Beat(out);
  left_ = true;
}

}  // namespace rubato
