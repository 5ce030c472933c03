// Pushes: one numbered push to every shard per iteration, kept until a committed snapshot holds it.
#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/memory/huge_floats.h"
#include "common/wire/codec.h"
#include "common/wire/protocol.h"
#include "worker/client/ps_client.h"
#include "worker/client/runs.h"

namespace rubato {

void PsClient::Push(Instant now, Clock clock, Parameters gradients, ClientOutput* out) {
  if (life_ == kNoLife || clock != clock_) return;
  const auto found = fetches_.find(clock);
  CHECK(found != fetches_.end() && found->second.ready, "Push of an iteration that never began");
  const Fetch& fetch = found->second;
  bool finite = true;
  if (quarantined_) gradients.clear();
  std::vector<LoggedPush> pushes = EncodeAll(clock, fetch, Freeze(std::move(gradients)), &finite);
  if (!finite) {
    ++counters_.nonfinite;
    Strike(clock, out);
    pushes = EncodeAll(clock, fetch, {}, &finite);
  }
  if (!HasCredit(pushes, out)) return;
  clock_ = clock.Next();
  ++counters_.pushes;
  for (size_t i = 0; i < places_.size(); ++i) {
    counters_.bytes_pushed += pushes[i].PayloadBytes();
    places_[i].log.Append(std::move(pushes[i]));
    Pump(now, i, out);
  }
  KeepWithinBounds();
  fetches_.erase(found);
  std::erase_if(requests_, [&](const auto& request) { return request.second.clock <= clock; });
}

void PsClient::PushNothing(Instant now, Clock clock, Trust trust, ClientOutput* out) {
  if (life_ == kNoLife || clock != clock_) return;
  if (!quarantined_) {
    ++counters_.nonfinite;
    Strike(clock, out);
    if (trust == Trust::kNone) Quarantine(out);
  }
  Push(now, clock, {}, out);
}

// `clock` is refused, by this client or by a shard. The iteration under way is the first that is
// empty on every shard because of it.
void PsClient::Strike(Clock clock, ClientOutput* out) {
  if (options_.strikes == 0 || quarantined_) return;
  if (!QuarantineRule::IsStrike(!struck_.insert(clock).second)) return;
  ++strikes_;
  if (QuarantineRule::IsOut(strikes_, options_.strikes)) Quarantine(out);
}

// Heartbeats say so before any shard can hear of the push.
void PsClient::Quarantine(ClientOutput* out) {
  if (quarantined_) return;
  quarantined_ = clock_;
  out->events.push_back(Quarantined{clock_, strikes_});
  Beat(out);
}

// Pinned memory is scarce: what is in it is kept as a copy.
std::vector<PsClient::Frozen> PsClient::Freeze(Parameters gradients) {
  std::vector<Frozen> frozen;
  for (ParameterRows& of : gradients) {
    const FloatMemory* memory = of.values.get_allocator().memory();
    const bool pinned = memory != nullptr && memory != &HugeFloats::Shared();
    Floats values = !pinned ? std::move(of.values) : Floats(of.values);
    frozen.push_back({of.table, Buffer::Own(std::move(of.keys)), Buffer::Own(std::move(values))});
  }
  return frozen;
}

// Of every shard, by place. *finite becomes false if a value is NaN or Inf as it would travel.
std::vector<LoggedPush> PsClient::EncodeAll(Clock clock, const Fetch& fetch,
                                            const std::vector<Frozen>& gradients,
                                            bool* finite) const {
  std::vector<LoggedPush> pushes;
  for (const PlaceFetch& share : fetch.places) {
    LoggedPush push{clock, fetch.oldest_read, EncodeParts(share, gradients, finite)};
    push.credit = CreditOf(push.parts);
    pushes.push_back(std::move(push));
  }
  return pushes;
}

// The rows of one shard, in parts of at most max_part_bytes of values and max_part_tables.
std::vector<std::vector<TableRows>> PsClient::EncodeParts(const PlaceFetch& share,
                                                          const std::vector<Frozen>& gradients,
                                                          bool* finite) const {
  std::vector<std::vector<TableRows>> parts(1);
  size_t part_bytes = 0;
  for (size_t t = 0; t < gradients.size(); ++t) {
    const size_t dim = options_.job.tables[TableIndex(gradients[t].table)].dim;
    const size_t row_bytes = dim * ValueBytes(options_.push_codec);
    const std::vector<uint32_t>& indices = share.rows[t];
    const bool all = indices.size() * sizeof(RowKey) == gradients[t].keys.size();
    size_t begin = 0;
    while (begin < indices.size()) {
      const bool full = part_bytes + row_bytes > options_.max_part_bytes ||
                        parts.back().size() == options_.max_part_tables;
      if (full && part_bytes > 0) {
        parts.emplace_back();
        part_bytes = 0;
      }
      const size_t room = std::max<size_t>(1, (options_.max_part_bytes - part_bytes) / row_bytes);
      const size_t count = std::min(room, indices.size() - begin);
      const std::span<const uint32_t> chunk(&indices[begin], count);
      const Frozen rows =
          all ? Slice(gradients[t], dim, begin, count) : Select(gradients[t], dim, chunk);
      parts.back().push_back(Encode(rows, count));
      *finite = *finite && MayTravel(parts.back().back());
      part_bytes += count * row_bytes;
      begin += count;
    }
  }
  return parts;
}

// Where all rows of a table live on one shard nothing is copied: the log keeps the gradients as
// they were computed. Else each shard's rows are apart, so that none keeps the memory of another's.
PsClient::Frozen PsClient::Slice(const Frozen& all, size_t dim, size_t begin, size_t count) {
  const size_t row_bytes = dim * sizeof(float);
  return {all.table, all.keys.Slice(begin * sizeof(RowKey), count * sizeof(RowKey)),
          all.values.Slice(begin * row_bytes, count * row_bytes)};
}

PsClient::Frozen PsClient::Select(const Frozen& all, size_t dim,
                                  std::span<const uint32_t> indices) {
  const Elements<RowKey> all_keys(all.keys);
  const Elements<float> all_values(all.values);
  std::vector<RowKey> keys;
  keys.reserve(indices.size());
  for (const uint32_t i : indices) keys.push_back(all_keys.span()[i]);
  Floats values(indices.size() * dim);
  float* to = values.data();
  for (size_t begin = 0; begin < indices.size();) {
    const size_t count = RunLength(indices.subspan(begin));
    to = std::copy_n(&all_values.span()[indices[begin] * dim], count * dim, to);
    begin += count;
  }
  return {all.table, Buffer::Own(std::move(keys)), Buffer::Own(std::move(values))};
}

TableRows PsClient::Encode(const Frozen& of, size_t count) const {
  TableRows rows;
  rows.table = of.table;
  rows.rows = static_cast<uint32_t>(count);
  rows.codec = options_.push_codec;
  rows.keys = of.keys;
  rows.values = EncodeKept(options_.push_codec, of.values);
  return rows;
}

// Looked at as it was encoded: it is warm in the cache, and a value may become infinite in bf16.
bool PsClient::MayTravel(const TableRows& rows) const {
  return options_.finite == FiniteCheck::kTrust || AreFinite(rows.codec, rows.values);
}

// Never blocks: the snapshot that would free the log may need this worker's next iterations.
// At the hard bound the oldest pushes go, of whichever shard, among those that are applied.
void PsClient::KeepWithinBounds() {
  for (size_t bytes = LogBytes(); bytes > options_.job.retention_hard_bytes; bytes = LogBytes()) {
    PushLog* oldest = nullptr;
    for (Place& place : places_) {
      PushLog& log = place.log;
      if (log.size() == 0 || log.start() >= place.applied) continue;
      if (oldest == nullptr || log.start() < oldest->start()) oldest = &log;
    }
    if (oldest == nullptr) return;
    oldest->DropOldest();
    ++counters_.unprotected;
  }
}

size_t PsClient::LogBytes() const {
  size_t bytes = 0;
  for (const Place& place : places_) bytes += place.log.bytes();
  return bytes;
}

uint64_t PsClient::CreditOf(const std::vector<std::vector<TableRows>>& parts) const {
  uint64_t bytes = 0;
  for (const std::vector<TableRows>& part : parts) {
    bytes += CreditRule::kPartBytes;
    for (const TableRows& rows : part) {
      bytes += CreditRule::RowBytes(rows.rows, options_.job.tables[TableIndex(rows.table)].dim);
    }
  }
  return bytes;
}

// No shard would ever take what is larger than all that it may hold of this worker.
bool PsClient::HasCredit(const std::vector<LoggedPush>& pushes, ClientOutput* out) const {
  for (size_t i = 0; i < pushes.size(); ++i) {
    if (CreditRule::MaySend(0, pushes[i].credit, push_credit_)) continue;
    out->events.push_back(Refused{
        static_cast<uint32_t>(absl::StatusCode::kResourceExhausted),
        absl::StrFormat("the gradients of one iteration take %d MiB at shard %d, which holds %d "
                        "MiB of a worker; make train.batch smaller, or use more servers",
                        pushes[i].credit >> 20, i, push_credit_ >> 20)});
    return false;
  }
  return true;
}

// A push is applied where min_clock has passed it, whether or not an Ack has said so yet.
bool PsClient::HasCredit(const LoggedPush& push, const Place& place) const {
  const Clock applied = std::max(place.applied, place.min_clock.value_or(place.applied));
  const uint64_t before = place.log.CreditBefore(push.clock);
  const uint64_t done = std::min(before, place.log.CreditBefore(applied));
  return CreditRule::MaySend(before - done, push.credit, push_credit_);
}

bool PsClient::MaySend(Clock number, const Place& place) const {
  if (staleness_.infinite()) return true;
  return place.min_clock && PushRule::InWindow(number, *place.min_clock, staleness_);
}

// Sends what the shard may take now and has not been sent yet.
void PsClient::Pump(Instant now, size_t i, ClientOutput* out) {
  Place& place = places_[i];
  if (!place.synced) return;
  place.next_send = std::max(place.next_send, place.received);
  while (const LoggedPush* push = place.log.Find(place.next_send)) {
    if (!MaySend(push->clock, place)) return AskForGate(push->clock, i, out);
    if (!HasCredit(*push, place)) return;  // an Ack will bring it
    SendPush(*push, i, out);
    place.next_send = place.next_send.Next();
    place.progress_at = now;
  }
}

// While it replays, a worker has nothing else under way that would tell it of min_clock: an empty
// pull waits at the shard until the push may be taken.
void PsClient::AskForGate(Clock number, size_t i, ClientOutput* out) {
  Place& place = places_[i];
  if (place.gate_asked == number) return;
  place.gate_asked = number;
  Pull pull;
  pull.from = life_;
  pull.to = place.life;
  pull.id = RequestId(++request_counter_);
  pull.use = number;
  out->messages.push_back({place.nonce, std::move(pull)});
}

void PsClient::SendPush(const LoggedPush& push, size_t i, ClientOutput* out) {
  const auto parts = static_cast<uint32_t>(push.parts.size());
  for (uint32_t part = 0; part < parts; ++part) {
    rubato::Push message;
    message.from = life_;
    message.to = places_[i].life;
    message.clock = push.clock;
    message.oldest_read = push.oldest_read;
    message.part = part;
    message.parts = parts;
    message.rows = push.parts[part];
    out->messages.push_back({places_[i].nonce, std::move(message)});
  }
}

// A shard that says nothing new for a while is asked where it stands, and sent again what it lacks.
// While it waits for others that is a Sync now and then, never a push.
void PsClient::ResendPushes(Instant now, ClientOutput* out) {
  if (options_.role == Role::kReader) return;
  for (size_t i = 0; i < places_.size(); ++i) {
    Place& place = places_[i];
    if (const auto first = std::exchange(place.not_sent, std::nullopt)) {
      place.next_send = std::min(place.next_send, *first);
      Pump(now, i, out);
    }
    if (now - place.progress_at < options_.resend_after) continue;
    place.progress_at = now;
    if (place.synced && place.next_send > place.received) {
      ++counters_.resent;
      place.next_send = place.received;
      Pump(now, i, out);
    } else if (!place.synced || place.next_send < clock_ || Finished()) {
      out->messages.push_back({place.nonce, Sync{life_, place.life}});
    }
  }
}

void PsClient::ReceiveAck(Instant now, Nonce from, const Ack& ack, ClientOutput* out) {
  const std::optional<size_t> found = FindPlace(from, ack.from);
  if (ack.to != life_ || !found) return;
  Place& place = places_[*found];
  if (ack.received > place.received || !place.synced) place.progress_at = now;
  place.received = std::max(place.received, ack.received);
  place.applied = std::max(place.applied, ack.applied);
  place.durable = std::max(place.durable, ack.durable);
  place.min_clock = std::max(place.min_clock.value_or(ack.min_clock), ack.min_clock);
  if (ack.refused) Strike(*ack.refused, out);
  if (!place.synced) {
    place.synced = true;
    if (place.received < place.log.start()) {
      // It needs a push that was dropped at the hard bound: only a fleet resume repairs that.
      gap_ = PlaceId(static_cast<uint32_t>(*found));
      return Beat(out);
    }
  }
  place.log.Prune(place.durable);
  Pump(now, *found, out);
  TryReady(now, out);
}

}  // namespace rubato
