// The invariants of a simulated history: ARCHITECTURE.md, "Invariants".
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/job/shard_map.h"
#include "tests/sim/world.h"

namespace rubato::sim {

void World::Violate(const std::string& invariant, const std::string& what) {
  if (!violation_) violation_ = Violation{invariant, what};
}

Contents World::ShardContents(const Shard& shard, RowKey key) const {
  std::vector<float> row(static_cast<size_t>(config_.last_clock));
  shard.tables()[kLedger.value()]->Gather(std::span(&key, 1), row.data());
  return Ledger::Decode(row.data(), config_.last_clock);
}

// V1, V3, V7, V17.
void World::CheckShard(ShardProcess* process) {
  const Shard& shard = *process->machine;
  if (!process->alive || !shard.serving()) return;
  Clock& lowest = lowest_min_clock_[{process->nonce, shard.life()}];
  const Clock min_clock = shard.clocks().min_clock();
  if (min_clock < lowest) {
    return Violate("V1", absl::StrCat("min_clock of shard life ", shard.life().value(),
                                      " fell from ", lowest.value(), " to ", min_clock.value()));
  }
  lowest = min_clock;
  CheckForgotten(*process);
  const auto places = static_cast<uint32_t>(shard.view().shards.size());
  for (const auto& [life, position] : shard.positions()) {
    const LifeInfo& info = lives_[life];
    if (shard.push_bytes(life) > config_.push_credit) {
      return Violate("V17", absl::StrCat(shard.push_bytes(life), " bytes of pushes of life ",
                                         life.value(), " held"));
    }
    if (!config_.staleness.infinite()) {
      const auto bound = static_cast<size_t>(config_.staleness.bound().value());
      if (shard.held(life) > std::max<size_t>(bound, 1)) {
        return Violate("V7",
                       absl::StrCat(shard.held(life), " pushes of life ", life.value(), " held"));
      }
    }
    const Contents contents = ShardContents(shard, ledger_.KeyOf(life, process->place, places));
    for (int64_t c = 0; c < config_.last_clock; ++c) {
      const bool due = Clock(c) < position && ledger_.Marks(info, life, Clock(c), process->place);
      if (contents[static_cast<size_t>(c)] == static_cast<int>(due)) continue;
      return Violate("V3", absl::StrCat("shard ", process->place.value(), " life ",
                                        shard.life().value(), " holds iteration ", c, " of life ",
                                        life.value(), " ", contents[static_cast<size_t>(c)],
                                        " times; applied = ", position.value()));
    }
  }
}

// V17: who keeps to its credit is never refused for want of it.
void World::CheckRefusal(const Envelope& envelope) {
  const auto* error = std::get_if<ErrorReply>(&envelope.message);
  if (error == nullptr) return;
  const auto worker = worker_of_.find(envelope.to);
  const bool greedy = worker != worker_of_.end() && worker->second->role == Role::kWorker &&
                      worker->second->seat == SeatId(0) && config_.greedy;
  stats_.credit_refusals += greedy;
  if (greedy || error->code != static_cast<uint32_t>(absl::StatusCode::kResourceExhausted)) return;
  Violate("V17", absl::StrCat("a client within its credit is refused: ", error->sentence));
}

// V13: what the scheduler says is on its disk.
void World::CheckSaid(const Message& message) {
  const auto& retired = scheduler_disk_.retired;
  if (const auto* view = std::get_if<View>(&message)) {
    const View& kept = scheduler_disk_.view;
    if (view->version < kept.version || *view == kept) return;
    return Violate("V13", absl::StrCat("view ", view->version.value(), " is sent while view ",
                                       kept.version.value(), " is on disk"));
  }
  const auto* stale = std::get_if<Stale>(&message);
  if (stale != nullptr && std::find(retired.begin(), retired.end(), stale->nonce) == retired.end())
    Violate("V13", "a nonce is refused that the disk does not know as used up");
}

void World::CheckTold(const SchedulerEvent& event) {
  const SchedulerState& kept = scheduler_disk_;
  const bool commits = event.kind == SchedulerEventKind::kCommitted;
  if (event.life.value() > kept.life_counter ||
      (commits && event.clock > kept.view.committed.clock)) {
    return Violate("V13", absl::StrCat("told before it is on disk: life ", event.life.value(),
                                       ", clock ", event.clock.value(), ", ", event.text));
  }
  const bool torn = event.kind == SchedulerEventKind::kTornIterations;
  if (torn || event.kind == SchedulerEventKind::kLoss) CheckFinal(event.life);
}

// V14: who slept hears everybody out for a lease before it evicts. Where nobody did anything but
// sleep, nobody is evicted.
void World::CheckEviction(const SchedulerEvent& event) {
  const bool evicts = event.kind == SchedulerEventKind::kEvicted;
  if (!evicts || event.text.find("no heartbeat") == std::string::npos) return;
  const int64_t awake_us =
      scheduler_clock_.Passes(scheduler_awake_since_, now_us_) + scheduler_jumped_us_;
  if (awake_us >= kLeaseMs * 1000 && !config_.only_sleeps) return;
  Violate("V14", absl::StrCat("life ", event.life.value(), " is evicted (", event.text, ") ",
                              awake_us, " us after the scheduler began or woke"));
}

// V9: what is reported torn or lost is so for good: no shard may apply any more of that life.
void World::CheckFinal(Life life) {
  const View& view = scheduler_disk_.view;
  for (const ShardEntry& entry : view.shards) {
    const auto process = shard_of_.find(entry.nonce);
    if (process == shard_of_.end() || !process->second->alive) continue;
    const Shard& shard = *process->second->machine;
    const bool takes = shard.serving() && shard.life() == entry.life && shard.received(life);
    if (takes) {
      return Violate("V9", absl::StrCat("life ", life.value(), " is reported torn while shard ",
                                        shard.place().value(), " still takes its pushes"));
    }
  }
}

// V2: every row used at c holds [J, c - s) of every member; s = 0: nothing >= c. An evaluation at C
// sees exactly the iterations < C, and nobody goes beyond it before all are through.
void World::CheckRead(WorkerProcess* worker, const Ready& ready) {
  const View& view = scheduler_disk_.view;
  const Life reader = worker->machine->life();
  const bool member = std::any_of(view.members.begin(), view.members.end(),
                                  [&](const MemberEntry& m) { return m.life == reader; });
  if (!member || worker->info.generation != view.generation) return;
  CheckAbandoned(worker, ready);
  const bool exact = job_.IsExact(ready.clock);
  const Staleness bound = job_.tables[kLedger.value()].staleness;
  if (bound.infinite() && !exact) return;
  Expected expected{exact ? ready.clock : ready.clock - bound.bound(), std::nullopt};
  if (config_.staleness == Staleness(0) || job_.IsBarrier(ready.clock)) {
    expected.none_from = ready.clock;
  }
  CheckHolds(worker, ready.rows[0], expected);
}

// (A member whose start came after the answer has J >= the answer's min_clock, so the current view
// serves for all.)
void World::CheckHolds(WorkerProcess* worker, const ParameterRows& rows, const Expected& expected) {
  for (const MemberEntry& other : scheduler_disk_.view.members) {
    for (uint32_t p = 0; p < worker->info.places; ++p) {
      const RowKey key = ledger_.KeyOf(other.life, PlaceId(p), worker->info.places);
      const auto found = std::find(rows.keys.begin(), rows.keys.end(), key);
      if (!other.start || found == rows.keys.end()) continue;
      ++stats_.reads_checked;
      const auto index = static_cast<size_t>(found - rows.keys.begin());
      const Contents contents = Ledger::Decode(
          &rows.values[index * static_cast<size_t>(config_.last_clock)], config_.last_clock);
      for (int64_t c = 0; c < config_.last_clock; ++c) {
        const bool marks = ledger_.Marks(lives_[other.life], other.life, Clock(c), PlaceId(p));
        const bool held = contents[static_cast<size_t>(c)] != 0;
        const bool missing = marks && Clock(c) < expected.all_below && !held;
        const bool early = expected.none_from && Clock(c) >= *expected.none_from && held;
        if (!missing && !early) continue;
        return Violate("V2", absl::StrCat("life ", worker->machine->life().value(),
                                          " that reads all below ", expected.all_below.value(),
                                          missing ? " misses iteration " : " sees iteration ", c,
                                          " of life ", other.life.value(), " on shard ", p));
      }
    }
  }
}

// V5: nothing of an abandoned generation beyond what was committed when it was abandoned.
void World::CheckAbandoned(WorkerProcess* worker, const Ready& ready) {
  const ParameterRows& rows = ready.rows[0];
  const auto dim = static_cast<size_t>(config_.last_clock);
  for (size_t i = 0; i < rows.keys.size(); ++i) {
    const auto allowed = abandoned_.find(rows.keys[i]);
    if (allowed == abandoned_.end()) continue;
    if (Ledger::Decode(&rows.values[i * dim], config_.last_clock) == allowed->second) continue;
    return Violate("V5", absl::StrCat("life ", worker->machine->life().value(), " at clock ",
                                      ready.clock.value(), " read an abandoned generation"));
  }
}

// Lives and, at a fleet resume, what may remain of the old ones.
void World::NoteGeneration(const View& view) {
  if (view.generation != generation_) {
    generation_ = view.generation;
    std::map<RowKey, Contents> committed;
    for (const ImageName& name : view.committed.images) {
      for (const TableImage& table : disk_[name].tables) {
        if (table.table != kLedger) continue;
        for (size_t i = 0; i < table.keys.size(); ++i) {
          committed[table.keys[i]] =
              Ledger::Decode(&table.rows[i * table.row_floats], config_.last_clock);
        }
      }
    }
    const Contents nothing(static_cast<size_t>(config_.last_clock), 0);
    for (const auto& [life, info] : lives_) {
      for (uint32_t p = 0; p < info.places; ++p) {
        const RowKey key = ledger_.KeyOf(life, PlaceId(p), info.places);
        const auto found = committed.find(key);
        abandoned_[key] = found == committed.end() ? nothing : found->second;
      }
    }
  }
  for (const MemberEntry& member : view.members) {
    LifeInfo& info = lives_[member.life];
    info.seat = member.seat;
    info.generation = view.generation;
    info.places = static_cast<uint32_t>(view.shards.size());
    info.start = member.start;
  }
}

// V4, and V8 over a whole committed snapshot.
void World::CheckCommit(const View& view) {
  const CommittedSnapshot& committed = view.committed;
  if (committed.number == checked_snapshot_ || committed.images.empty()) return;
  checked_snapshot_ = committed.number;
  if (committed.clock > Clock(config_.last_clock))
    return Violate("V4", "a cut beyond the last clock");
  const Clock common = job_.NextCommon(checked_commit_.Next());
  if (committed.clock > common) {
    return Violate("V4", absl::StrCat("the evaluation at ", common.value(),
                                      " is passed, and its weights were never committed"));
  }
  checked_commit_ = committed.clock;
  std::map<RowKey, Contents> ledger;
  FinalSums sums;
  for (const ImageName& name : committed.images) {
    const auto found = disk_.find(name);
    if (found == disk_.end()) return Violate("V4", "a committed image is not on disk");
    if (torn_.contains(name)) return Violate("V4", "a committed image cannot be read");
    CheckImage(found->second, view);
    committed_images_.insert(name);
    for (const TableImage& table : found->second.tables) {
      for (size_t i = 0; i < table.keys.size(); ++i) {
        const float* row = &table.rows[i * table.row_floats];
        if (table.table == kLedger) {
          ledger[table.keys[i]] = Ledger::Decode(row, config_.last_clock);
        } else {
          sums[table.keys[i]].assign(row, row + kSumDim);
        }
      }
    }
  }
  CheckSums(ledger, sums);
}

// V4: an exact image holds [J, C) of every member and of sealed lives exactly their positions.
void World::CheckImage(const Image& image, const View& view) {
  const PlaceId place = image.name.place;
  const auto places = static_cast<uint32_t>(view.committed.images.size());
  if (image.generation != view.committed.generation || image.places != places) {
    return Violate("V4", "a committed image is of another generation");
  }
  std::map<RowKey, Contents> rows;
  for (const TableImage& table : image.tables) {
    if (table.table != kLedger) continue;
    for (size_t i = 0; i < table.keys.size(); ++i) {
      rows[table.keys[i]] = Ledger::Decode(&table.rows[i * table.row_floats], config_.last_clock);
    }
  }
  std::map<Life, Clock> positions;
  for (const Position& position : image.positions) positions[position.life] = position.clock;
  for (const MemberEntry& member : view.members) {
    const bool due = member.start && *member.start < image.clock && image.exact &&
                     image.generation == view.generation;
    if (due && (!positions.contains(member.life) || positions[member.life] != image.clock)) {
      return Violate("V4",
                     absl::StrCat("image of shard ", place.value(), " at C = ", image.clock.value(),
                                  " has a wrong position of life ", member.life.value()));
    }
  }
  for (const auto& [life, position] : positions) {
    const Contents nothing(static_cast<size_t>(config_.last_clock), 0);
    const auto row = rows.find(ledger_.KeyOf(life, place, places));
    const Contents& contents = row == rows.end() ? nothing : row->second;
    for (int64_t c = 0; c < config_.last_clock; ++c) {
      const bool due = Clock(c) < position && ledger_.Marks(lives_[life], life, Clock(c), place);
      const bool beyond = image.exact && Clock(c) >= image.clock;
      if (contents[static_cast<size_t>(c)] == static_cast<int>(due && !beyond)) continue;
      return Violate("V4",
                     absl::StrCat("image of shard ", place.value(), " at C = ", image.clock.value(),
                                  " holds iteration ", c, " of life ", life.value(), " ",
                                  contents[static_cast<size_t>(c)], " times"));
    }
  }
}

// V8: the weights are the exact sum of the contents.
void World::CheckSums(const std::map<RowKey, Contents>& ledger, const FinalSums& sums) {
  if (config_.deterministic) return;
  TableSpec spec;
  spec.id = kSums;
  spec.kind = TableKind::kDense;
  for (const auto& [block, weights] : sums) {
    std::vector<int64_t> expected(kSumDim, 0);
    for (const auto& [life, info] : lives_) {
      if (info.places == 0) continue;
      const PlaceId place = PlaceOf(spec, block, info.places);
      const auto row = ledger.find(ledger_.KeyOf(life, place, info.places));
      if (row == ledger.end()) continue;
      for (int64_t c = 0; c < config_.last_clock; ++c) {
        for (uint32_t i = 0; i < kSumDim; ++i) {
          expected[i] +=
              row->second[static_cast<size_t>(c)] * ledger_.SumTerm(life, Clock(c), block, i);
        }
      }
    }
    for (uint32_t i = 0; i < kSumDim; ++i) {
      if (static_cast<float>(expected[i]) == weights[i]) continue;
      return Violate("V8", absl::StrCat("block ", block.value(), " is ", weights[i],
                                        ", its contents sum to ", expected[i]));
    }
  }
}

void World::CheckEnd() {
  std::map<RowKey, Contents> ledger;
  for (uint32_t p = 0; p < scheduler_->view().shards.size(); ++p) {
    const ShardEntry& entry = scheduler_->view().shards[p];
    const auto process = shard_of_.find(entry.nonce);
    if (process == shard_of_.end() || !process->second->alive) continue;
    const Shard& shard = *process->second->machine;
    if (!shard.serving() || shard.life() != entry.life) continue;
    shard.tables()[kLedger.value()]->ForEachRow([&](RowKey key, std::span<const float> row) {
      ledger[key] = Ledger::Decode(row.data(), config_.last_clock);
    });
    shard.tables()[kSums.value()]->ForEachRow([&](RowKey key, std::span<const float> row) {
      final_sums_[key].assign(row.begin(), row.begin() + kSumDim);
    });
  }
  CheckSums(ledger, final_sums_);
  // Every surviving life: all of [J, T) on every shard.
  for (const WorkerProcess* worker : seats_) {
    const LifeInfo& info = worker->info;
    const Life life = worker->machine->life();
    for (uint32_t p = 0; p < info.places; ++p) {
      const auto row = ledger.find(ledger_.KeyOf(life, PlaceId(p), info.places));
      for (int64_t c = 0; c < config_.last_clock; ++c) {
        if (!ledger_.Marks(info, life, Clock(c), PlaceId(p))) continue;
        if (row != ledger.end() && row->second[static_cast<size_t>(c)] == 1) continue;
        return Violate("V8", absl::StrCat("iteration ", c, " of surviving life ", life.value(),
                                          " is not on shard ", p));
      }
    }
  }
  CheckAcknowledged();
  CheckTorn();
  if (config_.fast_pusher && unprotected() > 0) {
    Violate("V10", absl::StrCat(unprotected(), " pushes are dropped at the hard bound"));
  }
}

// V9: what was acknowledged as applied is there, or a resume or a report says why not.
void World::CheckAcknowledged() {
  const View& view = scheduler_->view();
  for (const auto& [key, acked] : acked_) {
    if (acked.generation != view.generation || acked.place.value() >= view.shards.size()) continue;
    if (reported_.contains({acked.generation, acked.life})) continue;
    const auto process = shard_of_.find(view.shards[acked.place.value()].nonce);
    if (process == shard_of_.end() || !process->second->alive) continue;
    const Shard& shard = *process->second->machine;
    if (!shard.serving()) continue;
    const auto places = static_cast<uint32_t>(view.shards.size());
    const Contents contents = ShardContents(shard, ledger_.KeyOf(acked.life, acked.place, places));
    for (int64_t c = 0; Clock(c) < acked.applied && c < config_.last_clock; ++c) {
      const bool due = ledger_.Marks(lives_[acked.life], acked.life, Clock(c), acked.place);
      if (!due || contents[static_cast<size_t>(c)] > 0) continue;
      return Violate("V9", absl::StrCat("acknowledged push ", c, " of life ", acked.life.value(),
                                        " is gone from shard ", acked.place.value()));
    }
  }
}

}  // namespace rubato::sim
