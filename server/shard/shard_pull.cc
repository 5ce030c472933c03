// Pulls: parked until this life has its rows and the staleness gate allows, then answered with
// min_clock as their tag.
#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/wire/codec.h"
#include "common/wire/protocol.h"
#include "common/wire/wire.h"
#include "server/shard/shard.h"

namespace rubato {
namespace {

// Of one life: the pulls that a client has under way (PsClientOptions::max_asked), those that only
// ask to pass a gate, one an iteration that is pulled ahead, and as many again.
constexpr size_t kMaxParked = 2 * (128 + 64);

}  // namespace

void Shard::ReceivePull(Instant now, Nonce from, const Pull& pull, ShardOutput* out) {
  const bool known = IsMember(pull.from) || IsReader(pull.from);
  if (pull.to != life_ || !known || !Speaks(from, pull.from)) {
    return AnswerStale(from, pull.from, out);
  }
  // Looked at when its rows are here.
  if (state_ != State::kServing) return Park(now, from, pull, out);
  if (const absl::Status status = CheckPull(pull); !status.ok()) {
    ++counters_.malformed_refused;
    out->messages.push_back(
        {from, ErrorReply{static_cast<uint32_t>(status.code()), std::string(status.message())}});
    return;
  }
  if (clocks_.min_clock() >= OpensAt(pull)) return Answer(from, pull, out);
  Park(now, from, pull, out);
}

void Shard::Park(Instant now, Nonce from, const Pull& pull, ShardOutput* out) {
  const ParkedKey key{OpensAt(pull), pull.from, pull.id};
  if (parked_.contains(key)) return;
  const uint64_t bytes = BytesOf(pull.rows);
  const ParkedOfLife& of = parked_of_[pull.from];
  if (of.pulls == kMaxParked || !CreditRule::MayTake(of.bytes, bytes, CreditRule::kPulls)) {
    return RefuseBeyondCredit(from, "pulls that wait", CreditRule::kPulls, out);
  }
  parked_of_[pull.from] = {of.pulls + 1, of.bytes + bytes};
  parked_[key] = ParkedPull{from, pull, now, now, bytes};
}

void Shard::CountOut(const ParkedPull& parked) {
  ParkedOfLife& of = parked_of_[parked.pull.from];
  of.bytes -= parked.bytes;
  if (--of.pulls == 0) parked_of_.erase(parked.pull.from);
}

uint64_t Shard::parked_bytes(Life life) const {
  uint64_t bytes = 0;
  for (const auto& [key, parked] : parked_) {
    if (std::get<Life>(key) == life) bytes += BytesOf(parked.pull.rows);
  }
  return bytes;
}

// Of a table that the job does not have: its keys.
uint64_t Shard::BytesOf(const std::vector<TableRows>& rows) const {
  const std::vector<TableSpec>& tables = options_.job.tables;
  uint64_t bytes = 0;
  for (const TableRows& r : rows) {
    const uint64_t dim = r.table.value() < tables.size() ? tables[r.table.value()].dim : 0;
    bytes += CreditRule::RowBytes(r.rows, dim);
  }
  return bytes;
}

absl::Status Shard::CheckPull(const Pull& pull) const {
  // Keys may repeat: a small pull may ask for a reply of any size.
  if (!CreditRule::MayTake(0, BytesOf(pull.rows), CreditRule::kPulls)) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "pull of rows that take more than %d bytes: ask in parts", CreditRule::kPulls));
  }
  for (const TableRows& rows : pull.rows) {
    const Table* table = FindTable(rows.table);
    if (table == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrFormat("pull of a table that the job does not have: %d", rows.table.value()));
    }
    if (rows.keys.size() != rows.rows * sizeof(RowKey)) {
      return absl::InvalidArgumentError("pull whose key frame does not hold its number of rows");
    }
    if (table->spec().kind == TableKind::kSparse) continue;  // any key is a row here
    ASSIGN_OR_RETURN(const Elements<RowKey> keys, TakeKeys(rows.keys));
    for (const RowKey key : keys.span()) {
      if (!table->Owns(key)) {
        return absl::InvalidArgumentError(absl::StrFormat(
            "pull of block %d of table '%s', which is not here", key.value(), table->spec().name));
      }
    }
  }
  return absl::OkStatus();
}

// The min_clock from which on the gate lets it pass. A reader's iterations keep no bound.
Clock Shard::OpensAt(const Pull& pull) const {
  const Staleness s = IsReader(pull.from) ? Staleness::Infinite() : staleness_;
  return ReadRule::OpensAt(pull.at_least, pull.use, s);
}

void Shard::AnswerParked(ShardOutput* out) {
  while (!parked_.empty() && std::get<Clock>(parked_.begin()->first) <= clocks_.min_clock()) {
    const ParkedPull parked = std::move(parked_.extract(parked_.begin()).mapped());
    CountOut(parked);
    Answer(parked.from, parked.pull, out);
  }
}

void Shard::DropParkedOfTheGone() {
  std::erase_if(parked_, [&](const auto& parked) {
    const Life life = std::get<Life>(parked.first);
    if (IsMember(life) || IsReader(life)) return false;
    CountOut(parked.second);
    return true;
  });
}

void Shard::Answer(Nonce to, const Pull& pull, ShardOutput* out) {
  PullReply reply;
  reply.from = life_;
  reply.to = pull.from;
  reply.id = pull.id;
  reply.view = view_.version;
  reply.min_clock = clocks_.min_clock();
  for (const TableRows& wanted : pull.rows) {
    const Table* table = FindTable(wanted.table);
    const auto keys = TakeKeys(wanted.keys);
    CHECK(keys.ok());  // CheckPull has seen it
    Floats values(keys->size() * table->spec().dim);
    table->Gather(keys->span(), values.data());
    TableRows rows;
    rows.table = wanted.table;
    rows.rows = wanted.rows;
    rows.codec = wanted.codec;
    rows.values = EncodeKept(wanted.codec, Buffer::Own(std::move(values)));
    reply.rows.push_back(std::move(rows));
    counters_.rows_pulled += keys->size();
  }
  ++counters_.pulls_answered;
  out->messages.push_back({to, std::move(reply)});
}

void Shard::NoticeParked(Instant now, ShardOutput* out) {
  const Life slowest = Slowest().value_or(kNoLife);
  for (auto& [key, parked] : parked_) {
    if (now - parked.noticed < options_.parked_notice) continue;
    parked.noticed = now;
    out->messages.push_back({parked.from, Parked{life_, parked.pull.from, parked.pull.id,
                                                 clocks_.min_clock(), slowest}});
  }
}

}  // namespace rubato
