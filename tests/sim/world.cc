#include "tests/sim/world.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace rubato::sim {
namespace {

constexpr int64_t kMs = 1000;
constexpr int64_t kTickUs = 5 * kMs;
// V11: after faults stop, a short run and its final commit take at most this long, a longer one for
// each iteration more what one takes on links that hurry nothing, while all shards write.
constexpr int64_t kEndUs = 5600 * kMs;
constexpr int64_t kIterationUs = 80 * kMs;
// The last reports, and what they lead to, come within this time after a run is over.
constexpr int64_t kLastWordsUs = 60 * kMs;
constexpr int64_t kSaveAgainMs = 10;

// Numbers of workers' processes, which say Hello with them; those of shards are odd.
Nonce ProcessAt(size_t worker) { return Nonce(2 * (worker + 1)); }
size_t WorkerOf(Nonce process) { return process.value() / 2 - 1; }

}  // namespace

World::World(const Config& config, Trace trace)
    : config_(config),
      trace_(trace),
      ledger_(config),
      job_(ledger_.job()),
      rng_(MixBits(config.seed ^ 0x5157 ^ MixBits(config.salt))),
      forger_rng_(MixBits(config.seed ^ 0xf06e)),
      scheduler_disk_(Scheduler::FirstState(job_)),
      seats_(config.seats, nullptr) {
  for (uint32_t p = 0; p < config_.places; ++p) SpawnShard(PlaceId(p));
  StartScheduler();
  for (uint32_t seat = 0; seat < config_.seats; ++seat) {
    const int64_t late =
        config_.late_workers && seat > 0 ? static_cast<int64_t>(rng_.Below(60 * kMs)) : 0;
    At(late, [this, seat] { SpawnWorker(SeatId(seat)); });
  }
  ScheduleFaults();
  stats_.endless += config_.goes_on;
  if (!config_.goes_on) At(config_.faults_ms * kMs, [this] { GoQuiet(); });
}

World::~World() = default;

void World::Log(const std::string& line) {
  constexpr size_t kKeptLines = 400;
  if (trace_ == Trace::kOff) return;
  log_.push_back(absl::StrCat("  ", now_us_ / 1000, " ms: ", line));
  if (log_.size() > kKeptLines) log_.pop_front();
}

void World::At(int64_t delay_us, std::function<void()> run) {
  events_.push({now_us_ + delay_us, order_++, std::move(run)});
}

bool World::After(int64_t until_us, std::function<void()> run) {
  if (until_us <= now_us_) return false;
  At(until_us - now_us_ + 100, std::move(run));
  return true;
}

void World::AtAwake(int64_t delay_us, std::function<void()> run) {
  At(delay_us, [this, run] {
    if (!After(asleep_until_, [this, run] { AtAwake(0, run); })) run();
  });
}

std::optional<Violation> World::Run() {
  while (!events_.empty() && !violation_) {
    const Event event = events_.top();
    events_.pop();
    now_us_ = event.at;
    const int64_t takes_us =
        kEndUs + std::max<int64_t>(0, config_.last_clock - kShortRun) * kIterationUs;
    if (now_us_ > config_.faults_ms * kMs + slept_us_ + takes_us) {
      std::string where;
      for (const WorkerProcess* worker : seats_) {
        if (worker == nullptr) continue;
        const PsClient& client = *worker->machine;
        absl::StrAppend(&where, " ", client.clock().value(), " (applied ", client.applied().value(),
                        ", durable ", client.durable().value(), ")");
      }
      Violate("V11", absl::StrCat("no end in time; worker clocks:", where));
      break;
    }
    ++stats_.steps;
    event.run();
    if (!(quiet_ || config_.goes_on) || !Finished()) {
      finished_us_.reset();
    } else if (now_us_ - finished_us_.value_or(now_us_) > kLastWordsUs) {
      CheckEnd();
      break;
    } else if (!finished_us_) {
      finished_us_ = now_us_;
    }
  }
  stats_.unprotected += unprotected();
  if (violation_ && trace_ == Trace::kOn) {
    for (const std::string& line : log_) std::printf("%s\n", line.c_str());
  }
  return violation_;
}

uint64_t World::unprotected() const {
  uint64_t pushes = 0;
  for (const auto& worker : workers_) pushes += worker->machine->counters().unprotected;
  return pushes;
}

// Up to 1 + clock_skew times as fast, or as slow.
SkewedClock World::DrawClock() {
  if (config_.clock_skew == 0) return SkewedClock();
  ++stats_.skewed_clocks;
  const double factor = 1 + config_.clock_skew * rng_.Uniform();
  return SkewedClock(rng_.Chance(0.5) ? factor : 1 / factor);
}

void World::StartScheduler() {
  if (state_torn_) return Violate("V13", "a scheduler that starts cannot read its state");
  scheduler_clock_ = DrawClock();
  told_commit_ = scheduler_disk_.view.committed.clock;  // a new process tells what it begins with
  SchedulerOptions options;
  options.job = job_;
  options.lease = Duration::Millis(kLeaseMs);
  options.stall = Duration::Millis(150);
  options.start_timeout = Duration::Millis(70);
  options.cut_deadline = options.load_deadline = Duration::Millis(150);
  options.snapshot_within = Duration::Millis(config_.snapshot_within_ms);
  options.snapshot_pause = Duration::Millis(config_.snapshot_pause_ms);
  options.first_margin = static_cast<int64_t>(rng_.Below(3));
  options.deterministic = config_.deterministic;
  options.on_loss = config_.reports_loss ? OnLoss::kReport : OnLoss::kResume;
  scheduler_ = std::make_unique<MutatedScheduler>(options, scheduler_disk_, SchedulerNow());
  ahead_.emplace(Duration::Millis(kSaveAgainMs));
  scheduler_writes_ = false;
  scheduler_busy_until_ = 0;
  holders_.clear();
  for (const Contender& one : scheduler_disk_.contenders) {
    holders_[one.seat].processes.push_back(workers_[WorkerOf(one.process)].get());
  }
  scheduler_awake_since_ = now_us_;
  scheduler_jumped_us_ = 0;
  TickScheduler(++scheduler_starts_);
}

// Never before its write is done, which may lie behind a sleep.
int64_t World::SchedulerBusyUntil() const {
  return std::max(scheduler_busy_until_, scheduler_writes_ ? now_us_ + kMs : 0);
}

void World::TickScheduler(uint64_t start) {
  if (!scheduler_ || start != scheduler_starts_) return;
  if (After(SchedulerBusyUntil(), [this, start] { TickScheduler(start); })) return;
  At(scheduler_clock_.Takes(kTickUs), [this, start] { TickScheduler(start); });
  SchedulerOutput out;
  scheduler_->Tick(SchedulerNow(), &out);
  FlushScheduler(std::move(out));
}

void World::SpawnShard(PlaceId place) {
  shards_.push_back(std::make_unique<ShardProcess>());
  ShardProcess* shard = shards_.back().get();
  shard->nonce = Nonce(rng_.Next() | 1);
  shard->place = place;
  shard->clock = DrawClock();
  ShardOptions options;
  options.place = place;
  options.nonce = options.process = shard->nonce;
  options.address = absl::StrCat("sim://", shards_.size());
  options.job = job_;
  options.report_every = Duration::Millis(4);
  options.parked_notice = Duration::Millis(30);
  shard->machine = std::make_unique<MutatedShard>(options, Now(shard));
  shard_of_[shard->nonce] = shard;
  TickShard(shard);
}

void World::TickShard(ShardProcess* shard) {
  if (!shard->alive || After(shard->asleep_until, [this, shard] { TickShard(shard); })) return;
  ShardOutput out;
  shard->machine->Tick(Now(shard), &out);
  Flush(shard, &out);
  CheckShard(shard);
  At(shard->clock.Takes(kTickUs), [this, shard] { TickShard(shard); });
}

PsClientOptions World::ClientOptions() const {
  PsClientOptions options;
  options.job = job_;
  options.cache = config_.cache ? CacheMode::kOn : CacheMode::kOff;
  options.finite = config_.checked ? FiniteCheck::kCheck : FiniteCheck::kTrust;
  options.strikes = config_.strikes;
  if (config_.push_bf16) options.push_codec = ValueCodec::kBf16;
  if (config_.pull_bf16) options.pull_codec = ValueCodec::kBf16;
  options.max_part_bytes = config_.max_part_bytes;
  options.max_part_tables = config_.max_part_tables;
  options.heartbeat_every = Duration::Millis(5);
  options.resend_after = config_.patient ? Duration::Seconds(100) : Duration::Millis(8);
  options.resend_soon_after = Duration::Millis(2);
  return options;
}

void World::SpawnWorker(SeatId seat) {
  workers_.push_back(std::make_unique<WorkerProcess>());
  WorkerProcess* worker = workers_.back().get();
  worker->seat = seat;
  worker->clock = DrawClock();
  PsClientOptions options = ClientOptions();
  options.seat = seat;
  options.process = ProcessAt(workers_.size() - 1);
  if (config_.greedy && seat == SeatId(0)) options.job.iteration_bytes = kAmple;
  worker->plan.emplace(job_, IterationPlan::Ahead{config_.prefetch, config_.ahead});
  worker->machine = std::make_unique<MutatedClient>(options, rng_.Next(), Now(worker));
  seats_[seat.value()] = worker;
  TickWorker(worker);
}

// Who was started last was told that another process has the seat, one whose Hello came later: that
// is the newest then, or if it is gone somebody starts a new one.
void World::FollowHolder(SeatId seat) {
  const std::vector<WorkerProcess*>& processes = holders_[seat].processes;
  const auto alive = std::find_if(processes.rbegin(), processes.rend(), [](const auto* process) {
    return process->alive && !process->machine->left();
  });
  if (alive == processes.rend()) return SpawnWorker(seat);
  seats_[seat.value()] = *alive;
}

void World::TickWorker(WorkerProcess* worker) {
  if (!worker->alive || worker->machine->left()) return;
  if (worker->frozen_until > now_us_) {
    At(worker->frozen_until - now_us_, [this, worker] { TickWorker(worker); });
    return;
  }
  ClientOutput out;
  worker->machine->Tick(Now(worker), &out);
  Flush(worker, &out);
  At(worker->clock.Takes(kTickUs), [this, worker] { TickWorker(worker); });
}

void World::SpawnMissingShards() {
  if (!scheduler_) return;
  for (uint32_t p = 0; p < scheduler_->view().shards.size(); ++p) {
    if (CurrentShard(PlaceId(p)) == nullptr) SpawnShard(PlaceId(p));
  }
}

// The newest process of a place, whether or not it has a life yet; nullptr if none is alive.
World::ShardProcess* World::CurrentShard(PlaceId place) {
  for (auto shard = shards_.rbegin(); shard != shards_.rend(); ++shard) {
    if ((*shard)->place == place && (*shard)->alive && !(*shard)->zombie) return shard->get();
  }
  return nullptr;
}

void World::GoQuiet() {
  if (After(config_.faults_ms * kMs + slept_us_, [this] { GoQuiet(); })) return;
  quiet_ = true;
  half_open_.clear();
  cut_links_.clear();
  full_until_.clear();
  slow_until_.clear();
  for (auto& shard : shards_) shard->zombie = false;
  for (auto& worker : workers_) worker->cut_until = 0;
}

bool World::Finished() const {
  if (!scheduler_ || !scheduler_->finished()) return false;
  for (const ShardEntry& entry : scheduler_->view().shards) {
    const auto process = shard_of_.find(entry.nonce);
    if (process == shard_of_.end() || !process->second->alive) return false;
    const Shard& shard = *process->second->machine;
    if (!shard.serving() || shard.view().version != scheduler_->view().version) return false;
  }
  const bool readers = std::all_of(workers_.begin(), workers_.end(), [](const auto& worker) {
    return worker->role == Role::kWorker || !worker->alive || worker->machine->left();
  });
  return readers && std::all_of(seats_.begin(), seats_.end(), [](const WorkerProcess* worker) {
           return worker != nullptr && worker->alive && worker->machine->left();
         });
}

}  // namespace rubato::sim
