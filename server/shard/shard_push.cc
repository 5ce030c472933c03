// Pushes on their way in: numbered, taken in order, each at most once.
#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/status.h"
#include "common/memory/finite.h"
#include "common/wire/codec.h"
#include "common/wire/protocol.h"
#include "server/shard/shard.h"

namespace rubato {

void Shard::ReceivePush(Nonce from, const Push& push, ShardOutput* out) {
  const bool member = state_ == State::kServing && IsMember(push.from);
  if (push.to != life_ || !member || !Speaks(from, push.from)) {
    return AnswerStale(from, push.from, out);
  }
  const Clock received = inboxes_[push.from].received;
  switch (PushRule::Judge(push.clock, received, clocks_.min_clock(), staleness_)) {
    case PushRule::Verdict::kTake:
      TakePart(push.from, push, out);
      break;
    case PushRule::Verdict::kDuplicate:
      ++counters_.duplicates_refused;
      break;
    case PushRule::Verdict::kGap:
      ++counters_.gaps_refused;
      break;
    case PushRule::Verdict::kBeyondWindow:
      ++counters_.window_refused;
      break;
  }
  SendAck(push.from, out);
}

void Shard::TakePart(Life life, const Push& push, ShardOutput* out) {
  Inbox& inbox = inboxes_[life];
  const bool begins = inbox.parts.size() != push.parts || inbox.parts_of != push.clock;
  if (!begins && inbox.parts[push.part]) return;
  const uint64_t others = begins ? push.parts * CreditRule::kPartBytes : inbox.parts_bytes;
  const uint64_t bytes = BytesOf(push.rows);
  if (!CreditRule::MayTake(inbox.held_bytes + others, bytes, push_credit_)) {
    return RefuseBeyondCredit(inbox.nonce, "pushes", push_credit_, out);
  }
  if (begins) {
    inbox.parts.assign(push.parts, std::nullopt);
    inbox.parts_of = push.clock;
  }
  inbox.parts_bytes = others + bytes;
  inbox.parts[push.part] = Decode(push);
  for (const auto& part : inbox.parts) {
    if (!part) return;
  }
  TakePush(life, out);
}

// Who keeps to its credit is never told so: only its own pushes, or pulls, do not get through.
void Shard::RefuseBeyondCredit(Nonce to, const std::string& what, uint64_t credit,
                               ShardOutput* out) {
  ++counters_.credit_refused;
  const std::string sentence =
      absl::StrFormat("shard %d holds no more than %d bytes of one process's %s",
                      options_.place.value(), credit, what);
  out->messages.push_back(
      {to, ErrorReply{static_cast<uint32_t>(absl::StatusCode::kResourceExhausted), sentence}});
}

// All parts are there. A push that is not finite, or not of this job, is consumed as an empty one:
// its number must not hold up the numbers behind it.
void Shard::TakePush(Life life, ShardOutput* out) {
  Inbox& inbox = inboxes_[life];
  absl::StatusOr<DecodedPush> push = Join(&inbox);
  if (!push.ok()) {
    inbox.refused = inbox.received;
    if (push.status().code() == absl::StatusCode::kOutOfRange) {
      ++counters_.nonfinite_refused;
    } else {
      ++counters_.malformed_refused;
      out->messages.push_back({inbox.nonce, ErrorReply{static_cast<uint32_t>(push.status().code()),
                                                       std::string(push.status().message())}});
    }
    push = DecodedPush{};
    push->oldest_read = inbox.received;
  }
  push->bytes = inbox.parts_bytes;
  inbox.parts_bytes = 0;
  inbox.held_bytes += push->bytes;
  inbox.held[inbox.received] = *std::move(push);
  inbox.received = inbox.received.Next();
  Advance(out);
}

// Counted anew, of what is there.
uint64_t Shard::push_bytes(Life life) const {
  const auto found = inboxes_.find(life);
  if (found == inboxes_.end()) return 0;
  uint64_t bytes = found->second.parts.size() * CreditRule::kPartBytes;
  const auto add = [&bytes](const DecodedPush& push) {
    for (const DecodedRows& rows : push.rows) {
      bytes += CreditRule::kTableBytes + rows.keys.span().size_bytes() +
               rows.gradients.span().size_bytes();
    }
  };
  for (const auto& [number, push] : found->second.held) add(push);
  for (const auto& part : found->second.parts) {
    if (part && part->ok()) add(**part);
  }
  return bytes;
}

absl::StatusOr<Shard::DecodedPush> Shard::Decode(const Push& part) const {
  DecodedPush push;
  push.oldest_read = part.oldest_read;
  push.rows.reserve(part.rows.size());
  for (const TableRows& rows : part.rows) {
    push.rows.emplace_back();
    RETURN_IF_ERROR(DecodeRows(rows, &push.rows.back()));
  }
  return push;
}

// The push out of its parts, or what is wrong with the first bad one.
absl::StatusOr<Shard::DecodedPush> Shard::Join(Inbox* inbox) const {
  auto parts = std::exchange(inbox->parts, {});
  DecodedPush push;
  for (auto& part : parts) {
    RETURN_IF_ERROR(part->status());
    push.oldest_read = (*part)->oldest_read;
    std::ranges::move((*part)->rows, std::back_inserter(push.rows));
  }
  return push;
}

absl::Status Shard::DecodeRows(const TableRows& rows, DecodedRows* out) const {
  out->table = FindTable(rows.table);
  if (out->table == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrFormat("push to a table that the job does not have: %d", rows.table.value()));
  }
  const TableSpec& spec = out->table->spec();
  const size_t value_bytes = size_t{rows.rows} * spec.dim * ValueBytes(rows.codec);
  if (rows.keys.size() != rows.rows * sizeof(RowKey) || rows.values.size() != value_bytes) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "push to table '%s' whose frames do not hold its %d rows", spec.name, rows.rows));
  }
  ASSIGN_OR_RETURN(out->keys, TakeKeys(rows.keys));
  ASSIGN_OR_RETURN(out->gradients, TakeValues(rows.codec, rows.values));
  if (!AllFinite(out->gradients.span())) {
    return absl::OutOfRangeError(absl::StrFormat("NaN or Inf in a push to '%s'", spec.name));
  }
  if (spec.kind == TableKind::kSparse) return absl::OkStatus();
  for (const RowKey key : out->keys.span()) {
    if (!out->table->Owns(key)) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "push to block %d of table '%s', which is not here", key.value(), spec.name));
    }
  }
  return absl::OkStatus();
}

void Shard::ReceiveSync(Nonce from, const Sync& sync, ShardOutput* out) {
  if (sync.to != life_ || !IsMember(sync.from) || !Speaks(from, sync.from)) {
    return AnswerStale(from, sync.from, out);
  }
  if (state_ == State::kServing) SendAck(sync.from, out);  // else when it begins to serve
}

void Shard::SendAck(Life life, ShardOutput* out) {
  const Inbox& inbox = inboxes_[life];
  Ack ack;
  ack.from = life_;
  ack.to = life;
  ack.received = inbox.received;
  ack.applied = applied_[life];
  ack.durable = DurableFor(life);
  ack.min_clock = clocks_.min_clock();
  ack.refused = inbox.refused;
  out->messages.push_back({inbox.nonce, ack});
}

void Shard::SendAckToAll(ShardOutput* out) {
  for (const auto& [life, inbox] : inboxes_) SendAck(life, out);
}

// Never what is merely on this shard's disk: a snapshot counts once it is committed.
Clock Shard::DurableFor(Life life) const {
  if (!staleness_.infinite()) return committed_clock_;
  if (const auto found = torn_durable_.find(life); found != torn_durable_.end()) {
    return found->second;
  }
  // It joined after the cut and has nothing below its start.
  for (const MemberEntry& member : view_.members) {
    if (member.life == life && member.start) return *member.start;
  }
  return Clock(0);
}

}  // namespace rubato
