// Faults of a simulated history: crashes, freezes, cut links, operators. Each is a number of its
// kind, and draws from its own seed when it comes and what it hits: without one the others stay.
#include "absl/strings/str_cat.h"
#include "tests/sim/world.h"

namespace rubato::sim {
namespace {

constexpr int64_t kMs = 1000;
// After it has come, what was hit comes back in this time, or a little more.
constexpr int64_t kLastMs = 55;

uint64_t HashOf(const std::string& text) {
  uint64_t hash = 0;
  for (const char c : text) hash = MixBits(hash ^ static_cast<uint64_t>(c));
  return hash;
}

}  // namespace

void World::ScheduleFaults() {
  Schedule("worker_crashes", config_.worker_crashes, [this](Rng* rng) { CrashWorker(rng); });
  Schedule("worker_freezes", config_.worker_freezes, [this](Rng* rng) { FreezeWorker(rng); });
  Schedule("churn", config_.churn, [this](Rng* rng) { ReplaceWorker(rng); });
  Schedule("worker_zombies", config_.worker_zombies, [this](Rng* rng) { LoseSightOfWorker(rng); });
  Schedule("shard_crashes", config_.shard_crashes, [this](Rng* rng) { CrashShard(rng, false); });
  Schedule("shard_zombies", config_.shard_zombies, [this](Rng* rng) { CrashShard(rng, true); });
  Schedule("scheduler_crashes", config_.scheduler_crashes,
           [this](Rng* rng) { CrashScheduler(rng); });
  Schedule("half_open_links", config_.half_open_links, [this](Rng* rng) { CutHalfOpenLink(rng); });
  Schedule("partitions", config_.partitions, [this](Rng* rng) { Partition(rng); });
  Schedule("readers", config_.readers, [this](Rng*) { SpawnReader(); });
  if (config_.worker_crashes > 0) {
    Schedule("reader_crashes", config_.readers / 2, [this](Rng*) { CrashReader(); });
  }
  Schedule("operator_resumes", config_.operator_resumes, [this](Rng* rng) { OperatorResume(rng); });
  Schedule("sleeps", config_.sleeps, [this](Rng* rng) { Sleep(rng); });
  Schedule("pauses", config_.pauses, [this](Rng* rng) { Pause(rng); });
  Schedule("clock_jumps", config_.clock_jumps, [this](Rng* rng) { JumpClock(rng); });
  Schedule("full_disks", config_.full_disks, [this](Rng* rng) { FillDisk(rng); });
  Schedule("slow_spells", config_.slow_spells, [this](Rng* rng) { SlowDisk(rng); });
}

void World::Schedule(const char* field, int count, const Fault& fault) {
  const auto span = static_cast<uint64_t>((config_.faults_ms - kLastMs) * kMs);
  for (int i = 0; i < count; ++i) {
    const std::string name = absl::StrCat(field, ".", i);
    if (config_.skipped.contains(name)) continue;
    Rng rng(MixBits(config_.seed ^ HashOf(name)));
    const int64_t at = 5 * kMs + static_cast<int64_t>(rng.Below(span));
    Strike(at, rng, fault);
  }
}

// If faults go on, each comes again and again; a reader once.
void World::Strike(int64_t after_us, Rng rng, const Fault& fault) {
  AtAwake(after_us, [this, rng, fault]() mutable {
    fault(&rng);
    if (config_.goes_on && config_.readers == 0) Strike(config_.faults_ms * kMs, rng, fault);
  });
}

// nullptr: there is none to be hit.
World::WorkerProcess* World::DrawWorker(Rng* rng) {
  WorkerProcess* worker = seats_[rng->Below(seats_.size())];
  return worker == nullptr || !worker->alive || worker->machine->left() ? nullptr : worker;
}

World::ShardProcess* World::DrawShard(Rng* rng) {
  const auto places = scheduler_disk_.view.shards.size();
  return CurrentShard(PlaceId(static_cast<uint32_t>(rng->Below(places))));
}

void World::ComesBack(SeatId seat, int64_t after_us) {
  AtAwake(after_us, [this, seat] {
    if (!seats_[seat.value()]->alive) SpawnWorker(seat);
  });
}

void World::CrashWorker(Rng* rng) {
  WorkerProcess* worker = DrawWorker(rng);
  if (worker == nullptr) return;
  ++stats_.worker_crashes;
  Log(absl::StrCat("worker of seat ", worker->seat.value(), " crashes, life ",
                   worker->machine->life().value()));
  worker->alive = false;
  constexpr int64_t kBackMs[] = {3, 20, 80};
  ComesBack(worker->seat, kBackMs[rng->Below(3)] * kMs);
}

void World::ReplaceWorker(Rng* rng) {
  WorkerProcess* worker = DrawWorker(rng);
  if (worker == nullptr) return;
  ++stats_.churned;
  Log(absl::StrCat("worker of seat ", worker->seat.value(), " is replaced, life ",
                   worker->machine->life().value()));
  worker->alive = false;
  ComesBack(worker->seat, static_cast<int64_t>(rng->Below(5 * kMs)));
}

// A new process takes its seat while it lives: it stands still, or the scheduler and it do not hear
// each other, or nothing ails it.
void World::LoseSightOfWorker(Rng* rng) {
  WorkerProcess* worker = DrawWorker(rng);
  if (worker == nullptr || quiet_) return;
  ++stats_.worker_zombies;
  Log(absl::StrCat("worker of seat ", worker->seat.value(), " is out of sight, life ",
                   worker->machine->life().value()));
  const int64_t until = now_us_ + static_cast<int64_t>(rng->Below(120 * kMs));
  const uint64_t ails = rng->Below(3);
  if (ails == 0) worker->frozen_until = until;
  if (ails == 1) worker->cut_until = until;
  AtAwake(static_cast<int64_t>(rng->Below(40 * kMs)), [this, worker] {
    if (seats_[worker->seat.value()] == worker && !worker->machine->left()) {
      SpawnWorker(worker->seat);
    }
  });
}

void World::FreezeWorker(Rng* rng) {
  WorkerProcess* worker = DrawWorker(rng);
  if (worker == nullptr) return;
  ++stats_.worker_freezes;
  Log(absl::StrCat("worker of seat ", worker->seat.value(), " freezes"));
  worker->frozen_until = now_us_ + 30 * kMs + static_cast<int64_t>(rng->Below(90 * kMs));
}

// A zombie keeps talking to workers, but the scheduler and it no longer hear each other; a new
// process takes its place.
void World::CrashShard(Rng* rng, bool zombie) {
  ShardProcess* shard = DrawShard(rng);
  if (shard == nullptr) return;
  Log(absl::StrCat("shard ", shard->place.value(), zombie ? " is cut off" : " crashes", ", life ",
                   shard->machine->life().value()));
  if (zombie) {
    ++stats_.shard_zombies;
    shard->zombie = true;
  } else {
    ++stats_.shard_crashes;
    shard->alive = false;
    LeaveHalfWritten(rng, shard);
  }
  constexpr int64_t kBackMs[] = {2, 10, 40};
  AtAwake(kBackMs[rng->Below(3)] * kMs, [this, place = shard->place] {
    if (place.value() < scheduler_disk_.view.shards.size() && CurrentShard(place) == nullptr) {
      SpawnShard(place);
    }
  });
}

void World::CrashScheduler(Rng* rng) {
  if (!scheduler_) return;
  ++stats_.scheduler_crashes;
  Log("scheduler crashes");
  scheduler_.reset();
  ++scheduler_starts_;
  LeaveState(rng);
  constexpr int64_t kBackMs[] = {5, 30, 70};
  AtAwake(kBackMs[rng->Below(3)] * kMs, [this] { StartScheduler(); });
}

// Heartbeats still reach the scheduler, pushes no longer reach the shard, and never will: only a
// new life, which connects anew, is heard.
void World::CutHalfOpenLink(Rng* rng) {
  ShardProcess* shard = DrawShard(rng);
  WorkerProcess* worker = DrawWorker(rng);
  if (shard == nullptr || worker == nullptr) return;
  ++stats_.half_open_links;
  half_open_.insert({worker->machine->nonce(), shard->nonce});
}

void World::OperatorResume(Rng* rng) {
  if (!scheduler_) return;
  Rng again = *rng;
  const auto later = [this, again]() mutable { OperatorResume(&again); };
  if (After(SchedulerBusyUntil(), later)) return;
  ++stats_.operator_resumes;
  const auto places = static_cast<uint32_t>(scheduler_->view().shards.size());
  const uint32_t target = config_.reshard ? 1 + static_cast<uint32_t>(rng->Below(3)) : places;
  SchedulerOutput out;
  scheduler_->FleetResume(SchedulerNow(), target, "operator", &out);
  FlushScheduler(std::move(out));
}

// As when the lid of a laptop is closed. Then one after the other wakes; the network holds what is
// on its way.
void World::Sleep(Rng* rng) {
  if (quiet_) return;
  ++stats_.sleeps;
  const int64_t took = kLeaseMs * kMs * (1 + static_cast<int64_t>(rng->Below(100)));
  Log(absl::StrCat("everybody sleeps for ", took / kMs, " ms"));
  slept_us_ += took;
  asleep_until_ = now_us_ + took;
  const auto wakes = [&] { return asleep_until_ + static_cast<int64_t>(rng->Below(15 * kMs)); };
  scheduler_busy_until_ = scheduler_awake_since_ = wakes();
  scheduler_jumped_us_ = 0;
  for (auto& shard : shards_) shard->asleep_until = wakes();
  for (auto& worker : workers_) worker->frozen_until = wakes();
}

}  // namespace rubato::sim
