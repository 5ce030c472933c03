#include "tests/faults/chaos_job.h"

#include "common/base/status.h"
#include "common/job/shard_map.h"

namespace rubato {
namespace {

constexpr uint32_t kBlock = 16;
constexpr uint64_t kSumsFloats = 1024;
// Beyond what any history reaches; it ends by a signal.
constexpr int64_t kLastClock = 100'000'000;
// Of a key: life, clock, and what moves it to its shard.
constexpr int kClockBits = 32;
constexpr int kSaltBits = 8;

TableSpec Sgd(TableId id, const char* name, Staleness staleness) {
  TableSpec table;
  table.id = id;
  table.name = name;
  table.optimizer.kind = OptimizerKind::kSgd;
  table.optimizer.learning_rate = 1.0F;
  table.staleness = staleness;
  return table;
}

}  // namespace

Job ChaosJob(const ChaosShape& shape) {
  Job job;
  TableSpec ledger = Sgd(kLedger, "ledger", shape.staleness);
  TableSpec sums = Sgd(kSums, "sums", shape.staleness);
  sums.kind = TableKind::kDense;
  sums.dim = kBlock;
  sums.size = kSumsFloats;
  job.tables = {ledger, sums};
  job.places = shape.places;
  job.seats = shape.seats;
  job.seed = 1;
  job.last_clock = Clock(kLastClock);
  job.iterations_per_epoch = kLastClock;
  job.snapshot_every_clocks = shape.snapshot_every_clocks;
  job.lease_ms = shape.lease_ms;
  return job;
}

RowKey LedgerKey(const Job& job, const LedgerEntry& entry, PlaceId place) {
  const uint64_t push =
      entry.life.value() << kClockBits | static_cast<uint64_t>(entry.clock.value());
  for (uint64_t salt = 0; salt < uint64_t{1} << kSaltBits; ++salt) {
    const RowKey key(push << kSaltBits | salt);
    if (PlaceOf(job.tables[kLedger.value()], key, job.places) == place) return key;
  }
  CHECK(false, "no key of 256 lives on this shard");
  return {};
}

LedgerEntry EntryOf(RowKey key) {
  const uint64_t push = key.value() >> kSaltBits;
  return {Life(push >> kClockBits),
          Clock(static_cast<int64_t>(push & ((uint64_t{1} << kClockBits) - 1)))};
}

uint64_t PushKind(const LedgerEntry& entry) {
  return (entry.life.value() * 31 + static_cast<uint64_t>(entry.clock.value()) * 17) % kPushKinds;
}

int64_t SumsStep(uint64_t kind, RowKey block, uint32_t index) {
  return static_cast<int64_t>((kind + block.value() * 7 + index) % kPushKinds) - 2;
}

}  // namespace rubato
