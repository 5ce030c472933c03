// Pulls: parked until this life has its rows and the staleness gate allows, then answered with
// min_clock as their tag.
#include <algorithm>
#include <utility>

#include "common/codec.h"
#include "common/mutation.h"
#include "common/status.h"
#include "common/wire.h"
#include "server/shard.h"

namespace rubato {

void Shard::ReceivePull(Instant now, Nonce from, const Pull& pull, ShardOutput* out) {
  if (pull.to != life_ || (!IsMember(pull.from) && !IsReader(pull.from))) {
    return AnswerStale(from, pull.from, out);
  }
  if (state_ != State::kServing) return Park(now, from, pull);  // looked at when its rows are here
  if (const absl::Status status = CheckPull(pull); !status.ok()) {
    ++counters_.malformed_refused;
    out->messages.push_back(
        {from, ErrorReply{static_cast<uint32_t>(status.code()), std::string(status.message())}});
    return;
  }
  if (MayAnswer(pull)) return Answer(from, pull, out);
  Park(now, from, pull);
}

void Shard::Park(Instant now, Nonce from, const Pull& pull) {
  const bool known = std::any_of(parked_.begin(), parked_.end(), [&](const ParkedPull& parked) {
    return parked.pull.from == pull.from && parked.pull.id == pull.id;
  });
  if (!known) parked_.push_back({from, pull, now, now});
}

absl::Status Shard::CheckPull(const Pull& pull) const {
  uint64_t reply_bytes = 0;  // keys may repeat: a small pull may ask for a reply of any size
  for (const TableRows& rows : pull.rows) {
    const Table* table = FindTable(rows.table);
    if (table == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrFormat("pull of a table that the job does not have: %d", rows.table.value()));
    }
    if (rows.keys.size() != rows.rows * sizeof(RowKey)) {
      return absl::InvalidArgumentError("pull whose key frame does not hold its number of rows");
    }
    reply_bytes += uint64_t{rows.rows} * table->spec().dim * ValueBytes(rows.codec);
    if (reply_bytes > kMaxFrameBytes) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "pull of %d rows of table '%s' asks for more than the %d bytes of one reply: "
          "ask in parts",
          rows.rows, table->spec().name, kMaxFrameBytes));
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

bool Shard::MayAnswer(const Pull& pull) const {
  const Clock min_clock = clocks_.min_clock();
  if (pull.at_least && min_clock < *pull.at_least && !MUTATED(evaluate_early)) return false;
  if (IsReader(pull.from) || staleness_.infinite()) return true;
  const ClockDelta slack(MUTATED(gate_off_by_one) ? 1 : 0);
  return min_clock + slack >= pull.use - staleness_.bound();
}

void Shard::AnswerParked(ShardOutput* out) {
  std::erase_if(parked_, [&](const ParkedPull& parked) {
    const Pull& pull = parked.pull;
    if (!IsMember(pull.from) && !IsReader(pull.from)) return true;
    if (!MayAnswer(pull)) return false;
    Answer(parked.from, pull, out);
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
    rows.values = EncodeOwnedValues(wanted.codec, std::move(values));
    reply.rows.push_back(std::move(rows));
    counters_.rows_pulled += keys->size();
  }
  ++counters_.pulls_answered;
  out->messages.push_back({to, std::move(reply)});
}

void Shard::NoticeParked(Instant now, ShardOutput* out) {
  for (ParkedPull& parked : parked_) {
    if (now - parked.noticed < options_.parked_notice) continue;
    parked.noticed = now;
    out->messages.push_back(
        {parked.from, Parked{life_, parked.pull.from, parked.pull.id, clocks_.min_clock(),
                             clocks_.slowest().value_or(kNoLife)}});
  }
}

}  // namespace rubato
