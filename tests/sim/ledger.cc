#include "tests/sim/ledger.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/base/env.h"
#include "common/job/shard_map.h"

namespace rubato::sim {
namespace {

uint64_t Hash(uint64_t seed, uint64_t a, uint64_t b, uint64_t c) {
  return MixBits(seed ^ MixBits(a ^ MixBits(b ^ MixBits(c))));
}

double Share(uint64_t hash) { return static_cast<double>(hash >> 11) * 0x1.0p-53; }

Job MakeJob(const Config& config) {
  Job job;
  OptimizerSpec sgd;
  sgd.kind = OptimizerKind::kSgd;
  sgd.learning_rate = 1.0F;
  TableSpec ledger;
  ledger.id = kLedger;
  ledger.name = "ledger";
  ledger.dim = static_cast<uint32_t>(config.last_clock);
  ledger.optimizer = sgd;
  ledger.staleness = config.staleness;
  TableSpec sums = ledger;
  sums.id = kSums;
  sums.name = "sums";
  sums.kind = TableKind::kDense;
  sums.dim = kSumDim;
  sums.size = kSumBlocks * kSumDim;
  if (!config.staleness.infinite()) {
    const int64_t bound = config.staleness.bound().value();
    ledger.staleness = Staleness(bound + config.ledger_slack);
    sums.staleness =
        config.sums_slack < 0 ? Staleness::Infinite() : Staleness(bound + config.sums_slack);
  }
  job.tables = {ledger, sums};
  job.places = config.places;
  job.seats = config.seats;
  job.last_clock = Clock(config.last_clock);
  job.seed = config.seed;
  job.best_epoch = config.per_epoch > 0;
  job.iterations_per_epoch = job.best_epoch ? config.per_epoch : config.last_clock;
  job.snapshot_every_clocks = config.snapshot_every;
  job.retention_soft_bytes = config.retention_soft;
  job.retention_hard_bytes = config.retention_hard;
  job.iteration_bytes = config.push_credit;
  return job;
}

}  // namespace

Ledger::Ledger(const Config& config) : config_(config), job_(MakeJob(config)) {}

RowKey Ledger::KeyOf(Life life, PlaceId place, uint32_t places) const {
  TableSpec spec;
  spec.id = kLedger;
  for (uint64_t salt = 0;; ++salt) {
    const RowKey key(life.value() * 4096 + place.value() * 256 + salt);
    if (PlaceOf(spec, key, places) == place) return key;
  }
}

bool Ledger::Touches(SeatId seat, Clock clock, PlaceId place) const {
  if (job_.IsEvaluation(clock)) return false;
  if (seat == SeatId(0) && clock.value() >= config_.last_clock - config_.early) return false;
  const uint64_t hash = Hash(config_.seed, seat.value() + 1, static_cast<uint64_t>(clock.value()),
                             place.value() + 77);
  return Share(hash) >= config_.empty_share;
}

bool Ledger::IsNan(SeatId seat, Life life, Clock clock) const {
  constexpr double kBroken = 0.7;
  const bool broken = seat > SeatId(0) && seat.value() + config_.broken_seats >= config_.seats;
  return Share(Hash(config_.seed, life.value(), static_cast<uint64_t>(clock.value()), 99)) <
         (broken ? kBroken : config_.nan_share);
}

bool Ledger::Marks(const LifeInfo& info, Life life, Clock clock, PlaceId place) const {
  if (info.quarantined && clock >= *info.quarantined) return false;
  return info.start && clock >= *info.start && Touches(info.seat, clock, place) &&
         !IsNan(info.seat, life, clock);
}

Parameters Ledger::Keys(const LifeInfo& info, Life life, Clock clock,
                        const std::set<RowKey>& readable) const {
  Parameters keys(2);
  keys[0].table = kLedger;
  keys[1].table = kSums;
  std::set<RowKey> ledger;
  for (uint32_t p = 0; p < info.places; ++p) {
    const PlaceId place(p);
    if (!Touches(info.seat, clock, place)) continue;
    ledger.insert(KeyOf(life, place, info.places));
    TableSpec rows;
    rows.id = kLedger;
    for (const RowKey key : readable) {
      if (PlaceOf(rows, key, info.places) == place) ledger.insert(key);
    }
    TableSpec sums;
    sums.id = kSums;
    sums.kind = TableKind::kDense;
    for (uint64_t block = 0; block < kSumBlocks; ++block) {
      if (PlaceOf(sums, RowKey(block), info.places) == place) keys[1].keys.emplace_back(block);
    }
  }
  keys[0].keys.assign(ledger.begin(), ledger.end());
  std::sort(keys[1].keys.begin(), keys[1].keys.end());
  return keys;
}

Parameters Ledger::AllKeys(const std::set<RowKey>& readable) {
  Parameters keys(2);
  keys[0].table = kLedger;
  keys[0].keys.assign(readable.begin(), readable.end());
  keys[1].table = kSums;
  for (uint64_t block = 0; block < kSumBlocks; ++block) keys[1].keys.emplace_back(block);
  return keys;
}

int Ledger::SumTerm(Life life, Clock clock, RowKey block, uint32_t i) const {
  const uint64_t hash = Hash(config_.seed, life.value() + 1000,
                             static_cast<uint64_t>(clock.value()), block.value() * 8 + i);
  return static_cast<int>(hash % 17) - 8;
}

Parameters Ledger::Gradients(const LifeInfo& info, Life life, Clock clock,
                             const Parameters& read) const {
  Parameters gradients = read;
  for (ParameterRows& rows : gradients) std::fill(rows.values.begin(), rows.values.end(), 0.0F);
  const bool nan = IsNan(info.seat, life, clock);
  const auto dim = static_cast<size_t>(config_.last_clock);
  for (uint32_t p = 0; p < info.places; ++p) {
    const RowKey own = KeyOf(life, PlaceId(p), info.places);
    for (size_t i = 0; i < gradients[0].keys.size(); ++i) {
      if (gradients[0].keys[i] != own) continue;
      gradients[0].values[i * dim + static_cast<size_t>(clock.value())] = -1.0F;
    }
  }
  int64_t mix = 0;
  for (const float value : read[1].values) mix = (mix * 31 + std::lround(value)) % 1000003;
  for (size_t i = 0; i < gradients[1].keys.size(); ++i) {
    for (uint32_t j = 0; j < kSumDim; ++j) {
      const RowKey block = gradients[1].keys[i];
      const int term = config_.deterministic
                           ? SumTerm(Life(info.seat.value() + static_cast<uint64_t>(mix + 1000003)),
                                     clock, block, j)
                           : SumTerm(life, clock, block, j);
      gradients[1].values[i * kSumDim + j] = static_cast<float>(-term);
    }
  }
  if (nan) {
    for (ParameterRows& rows : gradients) {
      std::fill(rows.values.begin(), rows.values.end(), std::numeric_limits<float>::quiet_NaN());
    }
  }
  return gradients;
}

Contents Ledger::Decode(const float* row, int64_t last_clock) {
  Contents contents;
  for (int64_t c = 0; c < last_clock; ++c)
    contents.push_back(static_cast<int>(std::lround(row[c])));
  return contents;
}

}  // namespace rubato::sim
