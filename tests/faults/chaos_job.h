// What a fleet trains under chaos: integers, so that the weights say exactly which pushes they
// hold.
//
// Table "ledger": a row for each (life, iteration, shard), to which that push adds 1: its weight is
// how often the push was applied there. Table "sums": dense, each push adds small integers to every
// block: its weights are an exact sum over the pushes that the ledger names.
#pragma once

#include <cstdint>

#include "common/base/ids.h"
#include "common/job/job.h"

namespace rubato {

inline constexpr TableId kLedger{0};
inline constexpr TableId kSums{1};

struct ChaosShape {
  uint32_t places = 4;
  uint32_t seats = 3;
  Staleness staleness{2};
  int64_t snapshot_every_clocks = 200;
  int64_t lease_ms = 2000;
};
Job ChaosJob(const ChaosShape& shape);

// A push, as a key of the ledger names it.
struct LedgerEntry {
  Life life;
  Clock clock;
};
// The key lives on `place`: one of 256 that name the same push.
RowKey LedgerKey(const Job& job, const LedgerEntry& entry, PlaceId place);
LedgerEntry EntryOf(RowKey key);

// What a push adds to float `index` of a block of "sums", -2 .. 2: pushes of the same kind, of
// which there are kPushKinds, add the same.
inline constexpr uint64_t kPushKinds = 5;
uint64_t PushKind(const LedgerEntry& entry);
int64_t SumsStep(uint64_t kind, RowKey block, uint32_t index);

}  // namespace rubato
