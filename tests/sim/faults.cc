// Faults of a simulated history: crashes, freezes, cut links, operators.
#include "absl/strings/str_cat.h"
#include "tests/sim/world.h"

namespace rubato::sim {
namespace {

constexpr int64_t kMs = 1000;

}  // namespace

void World::ScheduleFaults() {
  const auto span = static_cast<uint64_t>((config_.faults_ms - 55) * kMs);
  const auto schedule = [this, span](int count, auto fault) {
    for (int i = 0; i < count; ++i)
      AtAwake(5 * kMs + static_cast<int64_t>(rng_.Below(span)), fault);
  };
  schedule(config_.worker_crashes, [this] { CrashWorker(); });
  schedule(config_.worker_freezes, [this] { FreezeWorker(); });
  schedule(config_.churn, [this] { ReplaceWorker(); });
  schedule(config_.shard_crashes, [this] { CrashShard(false); });
  schedule(config_.shard_zombies, [this] { CrashShard(true); });
  schedule(config_.scheduler_crashes, [this] { CrashScheduler(); });
  schedule(config_.half_open_links, [this] { CutHalfOpenLink(); });
  schedule(config_.readers, [this] { SpawnReader(); });
  if (config_.worker_crashes > 0) schedule(config_.readers / 2, [this] { CrashReader(); });
  schedule(config_.operator_resumes, [this] { OperatorResume(); });
  schedule(config_.sleeps, [this] { Sleep(); });
}

void World::CrashWorker() {
  WorkerProcess* worker = seats_[rng_.Below(seats_.size())];
  if (worker == nullptr || !worker->alive || worker->machine->left()) return;
  ++stats_.worker_crashes;
  Log(absl::StrCat("worker of seat ", worker->seat.value(), " crashes, life ",
                   worker->machine->life().value()));
  worker->alive = false;
  constexpr int64_t kBackMs[] = {3, 20, 80};
  const SeatId seat = worker->seat;
  AtAwake(kBackMs[rng_.Below(3)] * kMs, [this, seat] {
    if (!seats_[seat.value()]->alive) SpawnWorker(seat);
  });
}

void World::ReplaceWorker() {
  const SeatId seat(static_cast<uint32_t>(rng_.Below(seats_.size())));
  WorkerProcess* worker = seats_[seat.value()];
  if (worker == nullptr || !worker->alive || worker->machine->left()) return;
  ++stats_.churned;
  Log(absl::StrCat("worker of seat ", seat.value(), " is replaced, life ",
                   worker->machine->life().value()));
  worker->alive = false;
  AtAwake(static_cast<int64_t>(rng_.Below(5 * kMs)), [this, seat] {
    if (!seats_[seat.value()]->alive) SpawnWorker(seat);
  });
}

void World::FreezeWorker() {
  WorkerProcess* worker = seats_[rng_.Below(seats_.size())];
  if (worker == nullptr || !worker->alive || worker->machine->left()) return;
  ++stats_.worker_freezes;
  Log(absl::StrCat("worker of seat ", worker->seat.value(), " freezes"));
  worker->frozen_until = now_us_ + 30 * kMs + static_cast<int64_t>(rng_.Below(90 * kMs));
}

// A zombie keeps talking to workers, but the scheduler and it no longer hear each other; a new
// process takes its place.
void World::CrashShard(bool zombie) {
  const auto places = scheduler_disk_.view.shards.size();
  ShardProcess* shard = CurrentShard(PlaceId(static_cast<uint32_t>(rng_.Below(places))));
  if (shard == nullptr) return;
  Log(absl::StrCat("shard ", shard->place.value(), zombie ? " is cut off" : " crashes", ", life ",
                   shard->machine->life().value()));
  if (zombie) {
    ++stats_.shard_zombies;
    shard->zombie = true;
  } else {
    ++stats_.shard_crashes;
    shard->alive = false;
  }
  constexpr int64_t kBackMs[] = {2, 10, 40};
  AtAwake(kBackMs[rng_.Below(3)] * kMs, [this, place = shard->place] {
    if (place.value() < scheduler_disk_.view.shards.size() && CurrentShard(place) == nullptr) {
      SpawnShard(place);
    }
  });
}

void World::CrashScheduler() {
  if (!scheduler_) return;
  ++stats_.scheduler_crashes;
  Log("scheduler crashes");
  scheduler_.reset();
  ++scheduler_starts_;
  constexpr int64_t kBackMs[] = {5, 30, 70};
  AtAwake(kBackMs[rng_.Below(3)] * kMs, [this] { StartScheduler(); });
}

// Heartbeats still reach the scheduler, pushes no longer reach the shard.
void World::CutHalfOpenLink() {
  ShardProcess* shard = CurrentShard(PlaceId(static_cast<uint32_t>(rng_.Below(config_.places))));
  if (shard == nullptr) return;
  ++stats_.half_open_links;
  const std::pair link(SeatId(static_cast<uint32_t>(rng_.Below(config_.seats))), shard->nonce);
  half_open_.insert(link);
  At(30 * kMs + static_cast<int64_t>(rng_.Below(250 * kMs)),
     [this, link] { half_open_.erase(link); });
}

void World::OperatorResume() {
  if (!scheduler_ || After(SchedulerBusyUntil(), [this] { OperatorResume(); })) return;
  const auto places = static_cast<uint32_t>(scheduler_->view().shards.size());
  const uint32_t target = config_.reshard ? 1 + static_cast<uint32_t>(rng_.Below(3)) : places;
  SchedulerOutput out;
  scheduler_->FleetResume(now(), target, "operator", &out);
  FlushScheduler(std::move(out));
}

// As when the lid of a laptop is closed. Then one after the other wakes; the network holds what is
// on its way.
void World::Sleep() {
  if (quiet_) return;
  ++stats_.sleeps;
  const int64_t took = kLeaseMs * kMs * (1 + static_cast<int64_t>(rng_.Below(100)));
  Log(absl::StrCat("everybody sleeps for ", took / kMs, " ms"));
  slept_us_ += took;
  asleep_until_ = now_us_ + took;
  const auto wakes = [this] { return asleep_until_ + static_cast<int64_t>(rng_.Below(15 * kMs)); };
  scheduler_busy_until_ = scheduler_awake_since_ = wakes();
  for (auto& shard : shards_) shard->asleep_until = wakes();
  for (auto& worker : workers_) worker->frozen_until = wakes();
}

}  // namespace rubato::sim
