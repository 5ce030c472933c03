// Faults of a simulated history: crashes, freezes, cut links, operators.
#include "absl/strings/str_cat.h"
#include "tests/sim/world.h"

namespace rubato::sim {
namespace {

constexpr int64_t kMs = 1000;

}  // namespace

void World::ScheduleFaults() {
  const auto schedule = [this](int count, auto fault) {
    for (int i = 0; i < count; ++i)
      At(5 * kMs + static_cast<int64_t>(rng_.Below(345 * kMs)), fault);
  };
  schedule(config_.worker_crashes, [this] { CrashWorker(); });
  schedule(config_.worker_freezes, [this] { FreezeWorker(); });
  schedule(config_.shard_crashes, [this] { CrashShard(false); });
  schedule(config_.shard_zombies, [this] { CrashShard(true); });
  schedule(config_.scheduler_crashes, [this] { CrashScheduler(); });
  schedule(config_.half_open_links, [this] { CutHalfOpenLink(); });
  schedule(config_.readers, [this] { SpawnReader(); });
  if (config_.worker_crashes > 0) schedule(config_.readers / 2, [this] { CrashReader(); });
  schedule(config_.operator_resumes, [this] { OperatorResume(); });
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
  At(kBackMs[rng_.Below(3)] * kMs, [this, seat] { SpawnWorker(seat); });
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
  At(kBackMs[rng_.Below(3)] * kMs, [this, place = shard->place] {
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
  At(kBackMs[rng_.Below(3)] * kMs, [this] { StartScheduler(); });
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
  if (!scheduler_) return;
  const auto places = static_cast<uint32_t>(scheduler_->view().shards.size());
  const uint32_t target = config_.reshard ? 1 + static_cast<uint32_t>(rng_.Below(3)) : places;
  SchedulerOutput out;
  scheduler_->FleetResume(now(), target, "operator", &out);
  FlushScheduler(&out);
}

}  // namespace rubato::sim
