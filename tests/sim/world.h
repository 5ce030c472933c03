// One simulated history: the product's own machines under virtual time, a lossy network, disks that
// forget what was not flushed, and crashes. One seed = one history. The invariants V1 to V19 of
// ARCHITECTURE.md are checked after every step (checks.cc); the first that breaks ends the history.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "common/base/env.h"
#include "tests/sim/config.h"
#include "tests/sim/ledger.h"
#include "tests/sim/mutated_client.h"
#include "tests/sim/mutated_plan.h"
#include "tests/sim/mutated_scheduler.h"
#include "tests/sim/mutated_shard.h"
#include "tests/sim/skewed_clock.h"
#include "tests/sim/stats.h"

namespace rubato::sim {

struct Violation {
  std::string invariant;  // "V1" .. "V19"
  std::string what;
};

// Final weights of table "sums", by block.
using FinalSums = std::map<RowKey, std::vector<float>>;

// How a disk tells images apart: by their whole names.
struct NamesOnDisk {
  bool operator()(ImageName a, ImageName b) const {
    if (Makes(Mutation::image_name_without_life)) a.life = b.life = kNoLife;
    return a < b;
  }
};

class World {
 public:
  enum class Trace { kOff, kOn };
  World(const Config& config, Trace trace);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Runs the history to its end; the violation that ended it, if any.
  std::optional<Violation> Run();
  const Stats& stats() const { return stats_; }
  // Pushes that workers dropped at the hard bound of retention.
  uint64_t unprotected() const;
  const FinalSums& final_sums() const { return final_sums_; }

 private:
  // An image on its way to the disk.
  struct WrittenImage {
    std::shared_ptr<ImageSource> source;  // until all rows are taken
    std::vector<TableShape> tables;
    Image image;
    absl::Status status;
  };
  struct ShardProcess {
    Nonce nonce;
    PlaceId place;
    std::unique_ptr<MutatedShard> machine;
    SkewedClock clock;
    bool alive = true;
    bool zombie = false;
    std::map<ImageName, std::shared_ptr<WrittenImage>> writing;  // not yet synced
    int64_t asleep_until = 0;
    uint64_t stored = 0;  // of the store's work
  };
  struct WorkerProcess {
    SeatId seat;
    Role role = Role::kWorker;
    std::unique_ptr<MutatedClient> machine;
    SkewedClock clock;
    std::optional<MutatedPlan> plan;  // not of a reader
    bool alive = true;
    int64_t frozen_until = 0;
    int64_t cut_until = 0;  // from the scheduler
    std::set<Nonce> nonces;
    LifeInfo info;                 // of the current life
    bool busy = false;             // with a task of the plan
    std::map<Clock, Ready> ready;  // rows of iterations not yet pushed
    uint64_t worked = 0;
    std::set<std::pair<Life, Clock>> refused;  // iterations that it knows to be
  };
  struct Event {
    int64_t at;
    uint64_t order;
    std::function<void()> run;
    bool operator>(const Event& other) const {
      return std::pair(at, order) > std::pair(other.at, other.order);
    }
  };

  // Time and processes (world.cc).
  void At(int64_t delay_us, std::function<void()> run);
  // Not before whoever sleeps, or is busy, until `until_us` has come to: true if that is still
  // ahead.
  bool After(int64_t until_us, std::function<void()> run);
  // The same for what must not happen while everybody sleeps.
  void AtAwake(int64_t delay_us, std::function<void()> run);
  template <class Process>
  Instant Now(Process* process) const {
    return process->clock.Read(now_us_);
  }
  Instant SchedulerNow() { return scheduler_clock_.Read(now_us_); }
  SkewedClock DrawClock();
  void StartScheduler();
  void SpawnShard(PlaceId place);
  void SpawnWorker(SeatId seat);
  void FollowHolder(SeatId seat);
  PsClientOptions ClientOptions() const;
  void SpawnMissingShards();
  void TickScheduler(uint64_t start);
  void TickShard(ShardProcess* shard);
  void TickWorker(WorkerProcess* worker);
  bool Finished() const;
  void GoQuiet();
  // Keeps a line for --trace.
  void Log(const std::string& line);

  // Network (network.cc).
  // False: lost, and its sender knows.
  bool Send(Nonce from, const Envelope& envelope);
  bool LinkCut(Nonce from, Nonce to) const;
  int64_t Delay(Nonce from, Nonce to);
  void Deliver(Nonce from, Nonce to, const Message& message);
  void DeliverToShard(ShardProcess* shard, Nonce from, const Message& message);
  void DeliverToWorker(WorkerProcess* worker, Nonce from, Nonce to, const Message& message);
  void Flush(ShardProcess* shard, ShardOutput* out);
  void Flush(WorkerProcess* worker, ClientOutput* out);
  void FlushScheduler(SchedulerOutput out);
  void StateWritten(uint64_t start, const SchedulerState& state, bool fails);
  void TakeState(const SchedulerState& state);
  void Release();
  void WriteImage(ShardProcess* shard, const std::shared_ptr<ImageSource>& source);
  void TakeRows(WrittenImage* written, uint64_t share);
  bool TakeAll(WrittenImage* written);
  void ImageWritten(ShardProcess* shard, const std::shared_ptr<WrittenImage>& written, bool fails);
  void ImageSynced(ShardProcess* shard, const Image& image);
  void LoadImages(ShardProcess* shard, const LoadRequest& request);
  void ReadImages(ShardProcess* shard, Life life, const std::vector<ImageName>& names);
  int64_t StoreDelay(ShardProcess* shard, int64_t longest_us);
  void Handle(WorkerProcess* worker, const ClientEvent& event);
  void Handle(const SchedulerEvent& event);

  // Strangers (forger.cc).
  void Forge(Nonce from, Nonce to, const Message& message);
  Nonce DrawStranger(Nonce but);
  void DeliverForged(Nonce stranger, Nonce to, const Message& message);
  void ForgeToScheduler(Nonce stranger, const Message& message);
  void ForgeToShard(ShardProcess* shard, Nonce stranger, const Message& message);
  void ForgeToWorker(WorkerProcess* worker, Nonce stranger, const Message& message);
  void CheckAnswers(Nonce stranger, const Message& message, const Outbox& answers);

  // What a worker does with its client (workload.cc).
  void Begin(WorkerProcess* worker, const Started& started);
  void GoOn(WorkerProcess* worker);
  void Do(WorkerProcess* worker, const MutatedPlan::Task& task);
  void Done(WorkerProcess* worker, const MutatedPlan::Task& task);
  void Start(WorkerProcess* worker, Clock clock);
  void Prefetch(WorkerProcess* worker, Clock clock, PsClient::Freshness freshness);
  void Compute(WorkerProcess* worker, const MutatedPlan::Task& task);
  int64_t ComputeDelay(WorkerProcess* worker, Clock clock);
  void PushGradients(WorkerProcess* worker, Clock clock);
  std::set<RowKey> ReadableRows(uint32_t places) const;

  // Quarantine (quarantine.cc).
  void NoteRefused(WorkerProcess* worker, Clock clock);
  void NoteQuarantine(WorkerProcess* worker, Clock from);
  void CheckQuarantine(WorkerProcess* worker);
  void CheckQuarantineTold(const SchedulerEvent& event);

  // Readers (readers.cc).
  void SpawnReader();
  void CrashReader();
  void HandleReader(WorkerProcess* reader, const ClientEvent& event);

  // Faults (faults.cc).
  using Fault = std::function<void(Rng*)>;
  void ScheduleFaults();
  void Schedule(const char* field, int count, const Fault& fault);
  void Strike(int64_t after_us, Rng rng, const Fault& fault);
  WorkerProcess* DrawWorker(Rng* rng);
  ShardProcess* DrawShard(Rng* rng);
  void CrashWorker(Rng* rng);
  void FreezeWorker(Rng* rng);
  void ReplaceWorker(Rng* rng);
  void LoseSightOfWorker(Rng* rng);
  void ComesBack(SeatId seat, int64_t after_us);
  void CrashShard(Rng* rng, bool zombie);
  void CrashScheduler(Rng* rng);
  void CutHalfOpenLink(Rng* rng);
  void OperatorResume(Rng* rng);
  void Sleep(Rng* rng);

  // Faults that last for a while (spells.cc).
  struct Party {  // a seat or a place whoever has it, the scheduler, or all readers
    enum class Kind { kScheduler, kShard, kWorker, kReader } kind;
    uint32_t index = 0;
    friend auto operator<=>(const Party&, const Party&) = default;
  };
  Party PartyOf(Nonce nonce) const;
  Party DrawParty(Rng* rng) const;
  void Partition(Rng* rng);
  void CutLink(const Party& from, const Party& to, int64_t for_us);
  void Pause(Rng* rng);
  void JumpClock(Rng* rng);
  void FillDisk(Rng* rng);
  void SlowDisk(Rng* rng);
  bool IsFull(const Party& party) const;
  bool IsSlow(const Party& party) const;
  void LeaveHalfWritten(Rng* rng, ShardProcess* shard);
  void LeaveState(Rng* rng);
  int64_t SchedulerBusyUntil() const;
  ShardProcess* CurrentShard(PlaceId place);

  // Invariants (checks.cc).
  void Violate(const std::string& invariant, const std::string& what);
  void CheckShard(ShardProcess* shard);
  void CheckSaid(const Message& message);
  void CheckRefusal(const Envelope& envelope);
  void CheckTold(const SchedulerEvent& event);
  void CheckFinal(Life life);
  void CheckEviction(const SchedulerEvent& event);
  void CheckRead(WorkerProcess* worker, const Ready& ready);
  // What rows of the ledger must hold of every member: all of [J, all_below), nothing >= none_from.
  struct Expected {
    Clock all_below;
    std::optional<Clock> none_from;
  };
  void CheckHolds(WorkerProcess* worker, const ParameterRows& rows, const Expected& expected);
  void CheckAbandoned(WorkerProcess* worker, const Ready& ready);
  void CheckCommit(const View& view);
  void CheckImage(const Image& image, const View& view);
  void CheckSums(const std::map<RowKey, Contents>& ledger, const FinalSums& sums);
  void CheckEnd();
  void CheckAcknowledged();

  // What is known of the dead (check_lives.cc).
  void CheckState(const SchedulerState& state);
  void CheckForgotten(const ShardProcess& process);
  void CheckHolders();
  void NoteAnswer(Nonce from, const Message& message);
  void CountTorn(const SchedulerEvent& event);
  void CheckTorn();
  struct Held {       // of a life's iterations, on one shard
    int64_t below;    // one past the last that is there
    int64_t lacking;  // the first that is not
  };
  Held HeldOf(Life life, PlaceId place, const Shard& shard) const;
  void NoteGeneration(const View& view);
  Contents ShardContents(const Shard& shard, RowKey key) const;

  const Config config_;
  const Trace trace_;
  const Ledger ledger_;
  const Job job_;
  Rng rng_;
  Rng forger_rng_;  // of its own: with and without forgers the rest of a history is the same
  int64_t now_us_ = 0;
  uint64_t order_ = 0;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  bool quiet_ = false;
  std::optional<int64_t> finished_us_;  // since when all is over
  Stats stats_;
  std::optional<Violation> violation_;
  FinalSums final_sums_;

  std::unique_ptr<MutatedScheduler> scheduler_;
  SchedulerState scheduler_disk_;
  uint64_t scheduler_starts_ = 0;
  std::optional<MutatedWriteAhead> ahead_;  // of the present start
  bool scheduler_writes_ = false;
  int64_t scheduler_busy_until_ = 0;   // asleep, or at its disk
  int64_t scheduler_awake_since_ = 0;  // start, or end of its last sleep
  int64_t scheduler_jumped_us_ = 0;    // its clock, meanwhile
  SkewedClock scheduler_clock_;
  std::optional<SchedulerState> state_in_writing_;
  bool state_torn_ = false;
  int64_t asleep_until_ = 0;  // everybody
  int64_t slept_us_ = 0;
  std::vector<std::unique_ptr<ShardProcess>> shards_;
  std::vector<std::unique_ptr<WorkerProcess>> workers_;
  std::vector<WorkerProcess*> seats_;  // newest process of each seat
  // Of each seat, since the scheduler was started: those that had a life, as they came; and how
  // many of them came before the newest that answered in one.
  struct Holders {
    std::vector<WorkerProcess*> processes;
    ptrdiff_t over = 0;
  };
  std::map<SeatId, Holders> holders_;
  std::map<Nonce, ShardProcess*> shard_of_;
  std::map<Nonce, WorkerProcess*> worker_of_;
  std::map<ImageName, Image, NamesOnDisk> disk_;  // each with the rows of its chain
  std::set<ImageName, NamesOnDisk> committed_images_;
  std::set<ImageName> torn_;  // on the disk, and cannot be read
  std::set<std::pair<Nonce, Nonce>> half_open_;
  std::multiset<std::pair<Party, Party>> cut_links_;
  std::map<Party, int64_t> full_until_;
  std::map<Party, int64_t> slow_until_;
  std::map<std::pair<Nonce, Nonce>, int64_t> arrives_us_;  // patient: the last message of a link

  // What the checks remember.
  std::map<Life, LifeInfo> lives_;
  std::map<std::pair<Nonce, Life>, Clock> lowest_min_clock_;
  std::set<std::pair<Generation, Life>> reported_;
  struct Acked {
    Generation generation;
    Life life;
    PlaceId place;
    Clock applied;
  };
  std::map<std::pair<Life, PlaceId>, Acked> acked_;
  // Ledger rows of lives before the last fleet resume: they must stay as they were committed.
  std::map<RowKey, Contents> abandoned_;
  Generation generation_;
  SnapshotNumber checked_snapshot_;
  // Version on disk before that which opened a cut: what was sealed by then is final in its images.
  std::map<SnapshotNumber, ViewVersion> before_cut_;
  std::map<Life, int64_t> torn_told_;  // iterations, at most
  Clock told_commit_;
  Clock checked_commit_;
  std::deque<std::string> log_;
};

}  // namespace rubato::sim
