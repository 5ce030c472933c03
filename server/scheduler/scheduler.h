// The scheduler: membership, shard map, snapshots. A sans-I/O machine, never on the data
// path.
//
// Input: a message or a tick, with the time. Output: a new state to persist, then messages, then
// events. Ordering duty of the driver: if `persist` is set it must be durable before any message of
// the same output is sent, which server/scheduler/write_ahead.h sees to.
//
// All that changes the fleet travels as a View (common/wire/message.h) with a growing version,
// resent until acknowledged. Everything outside SchedulerState is soft: leases, reports, known
// clocks. A restarted scheduler therefore waits one full lease before it evicts, and opens no cut
// before every shard of the view has reported again.
//
// Time that it slept through itself counts against nobody: an input that comes much later than the
// one before it, though ticks are due all the time, means that it could hear nobody meanwhile. Then
// too it waits one full lease, and every other deadline is put off by as much.
//
// Rules: ARCHITECTURE.md, "Join", "Eviction", "Cut" and "Fleet resume".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "common/base/env.h"
#include "common/base/ids.h"
#include "common/job/job.h"
#include "common/wire/message.h"

namespace rubato {

// A process that may have a seat.
struct Contender {
  SeatId seat;
  Nonce process;
  bool holds = false;  // the Hello of whoever is or was the seat's last member was its own
  friend bool operator==(const Contender&, const Contender&) = default;
};

// What survives a restart of the scheduler, all of it written at every change.
struct SchedulerState {
  View view;
  uint64_t life_counter = 0;      // lives given so far: never reused
  uint64_t snapshot_counter = 0;  // numbers given so far
  uint64_t job_fingerprint = 0;
  // Nonces whose life has ended, oldest first: a late Hello of theirs is ignored.
  std::vector<Nonce> retired;
  std::vector<Position> high_water;  // F(w): highest position ever reported of a life in the view
  // Snapshots committed before view.committed whose images are kept, oldest first: what a run falls
  // back to when newer ones are damaged, and with best_epoch what was validated.
  std::vector<CommittedSnapshot> earlier;
  // Damaged when a start went back behind them: for a person.
  std::vector<SnapshotNumber> set_aside;
  // Version of the view that opened view.cut: what was sealed by then is final in its images.
  ViewVersion cut_opened_at;
  // Iterations of sealed lives that some shards lack: of all since the run was started, and by each
  // that is still in the view. An event tells of each.
  uint64_t pushes_lost = 0;
  std::map<Life, ClockDelta> torn;
  // In the order in which they came; the process that took each place last, 0: none yet; and those
  // that a newer one has followed on their seat or place, oldest first: they are given no life any
  // more, whatever they live on for.
  std::vector<Contender> contenders;
  std::vector<Nonce> place_holders;
  std::vector<Nonce> superseded;
  friend bool operator==(const SchedulerState&, const SchedulerState&) = default;
};

enum class OnLoss { kResume, kReport };

struct SchedulerOptions {
  Job job;
  Duration lease = Duration::Seconds(10);   // no heartbeat for this long: evicted
  Duration stall = Duration::Seconds(600);  // slowest, and neither progress nor work: evicted
  Duration start_timeout = Duration::Seconds(120);  // seats missing after this are left behind
  // All shards passed C, no image, and no store has read or written a byte: the cut is withdrawn.
  Duration cut_deadline = Duration::Seconds(120);
  Duration load_deadline = Duration::Seconds(120);  // a shard loads, and its store does not
  // After the last commit a snapshot is asked for within this time; where none are planned sooner,
  // as often as a hundredth of the time writes them, but not before the second.
  Duration snapshot_within = Duration::Seconds(300);
  Duration snapshot_after = Duration::Seconds(10);
  // For so long after a commit or a start no worker's wish for a snapshot is heard, or less the
  // nearer its log is to the hard bound: each costs the whole model, and what a large one pushes in
  // a second may be beyond the soft bound already.
  Duration snapshot_pause = Duration::Seconds(30);
  int64_t first_margin = 2;  // clocks between the highest known one and C
  // A Hello that comes after this many others have ended counts as a new process's: if its sender
  // is gone, that costs whoever has its place by then its life, and nothing else.
  size_t retired_kept = size_t{1} << 16;  // the same of processes that were superseded
  bool deterministic = false;             // any eviction is a fleet resume
  OnLoss on_loss = OnLoss::kResume;
};

// Things worth telling a person or a test; nothing in the protocol depends on them.
enum class SchedulerEventKind {
  kJoined,
  kStarted,
  kEvicted,
  kReplaced,  // its seat said Hello again
  kLeft,
  kShardLife,
  kShardServes,  // it has loaded the committed snapshot
  kCutOpened,
  kCutWithdrawn,
  kCommitted,
  kFleetResume,
  kTornIterations,  // a sealed life's last iterations reached some shards only: [clock, clock2)
  kPossibleLoss,    // a life was sealed while a shard life is younger than it
  kLoss,            // the same of more than s + 1: told again only when they have become more
  kSeatsMissing,
  kLoadFailed,    // a shard cannot read the committed image
  kLoadStands,    // a shard loads, and its store reads nothing
  kReaderHangs,   // a reader says that it lives, and does nothing
  kStoresStand,   // cut after cut was withdrawn because no store read or wrote anything
  kQuarantined,   // a worker has made its strikes: iterations from `clock` on are empty
  kNobodyTrains,  // all workers have
};

struct SchedulerEvent {
  SchedulerEventKind kind;
  Life life;
  Clock clock;
  Clock clock2;
  std::string text;
  uint32_t index = 0;  // of a member: its seat; of a shard: its place
};

struct SchedulerOutput {
  std::optional<SchedulerState> persist;
  Outbox messages;
  std::vector<SchedulerEvent> events;
};

class Scheduler {
 public:
  // A fresh run starts from FirstState(); a restart from what was persisted last.
  Scheduler(SchedulerOptions options, SchedulerState state, Instant now);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  static SchedulerState FirstState(const Job& job);
  // Where a new start of the run goes on from: the committed snapshot, under `places` shards, with
  // nobody in the fleet and a new generation.
  static SchedulerState ResumedState(SchedulerState state, uint32_t places);

  // `now` never falls. Ticks are due several times within a quarter of the lease.
  void Receive(Instant now, Nonce from, const Message& message, SchedulerOutput* out);
  void Tick(Instant now, SchedulerOutput* out);
  // Everybody goes back to the committed snapshot, with `places` shards. `why` is for people.
  void FleetResume(Instant now, uint32_t places, const std::string& why, SchedulerOutput* out);
  // A snapshot as soon as possible (a stop, an operator's wish).
  void RequestSnapshot(Instant now, SchedulerOutput* out);

  const SchedulerState& state() const { return state_; }
  const Job& job() const { return options_.job; }
  const View& view() const { return state_.view; }
  // The commit at the last clock ends the run.
  bool finished() const { return view().committed.clock >= options_.job.last_clock; }
  // True only if nobody has trained anything that the committed snapshot, or the first weights, do
  // not hold.
  bool NothingTrained() const;
  // Lowest and highest clock of the fleet as last reported.
  Clock known_min_clock() const;
  Clock known_end() const;
  // How far apart workers are, as the shards saw it: reports of different moments are not compared.
  ClockDelta known_spread() const;
  // Seats whose workers train nothing any more, in order.
  std::vector<SeatId> quarantined() const;
  // When the store of a shard was last seen to read or write something.
  Instant stored_at() const;
  // Whether a newer process has taken the seat or place of this one.
  bool Superseded(Nonce process) const { return superseded_.contains(process); }

 private:
  // In all that is private `now` is the time of clock_, without what was slept through.
  Instant Awake(Instant now);
  void ReceiveHello(Instant now, Nonce from, const Hello& hello, SchedulerOutput* out);
  void ReceiveHeartbeat(Instant now, Nonce from, const Heartbeat& beat, SchedulerOutput* out);
  void ReceiveReport(Instant now, Nonce from, const ShardReport& report, SchedulerOutput* out);
  void HelloFromWorker(Instant now, Nonce from, const Hello& hello, SchedulerOutput* out);
  void HelloFromShard(Nonce from, const Hello& hello, SchedulerOutput* out);
  void HelloFromReader(Instant now, Nonce from, SchedulerOutput* out);
  absl::Status CheckHello(const Hello& hello) const;
  absl::Status CheckData(const Hello& hello) const;

  // Membership (scheduler_members.cc).
  void StartPending(Instant now, SchedulerOutput* out);
  bool QuorumReached(Instant now, SchedulerOutput* out);
  bool Begun() const;
  Clock PastEvaluations() const;
  std::optional<Clock> StartClockFor(const MemberEntry& member) const;
  enum class Departure { kLeft, kEvicted, kReplaced };
  void Retire(Nonce nonce);
  void TakeSeat(SeatId seat, Nonce process);
  void TakePlace(PlaceId place, Nonce process);
  void NoteAnswer(SeatId seat, SchedulerOutput* out);
  void Supersede(Nonce process);
  void KeepNewestRetired();
  void Seal(Life life, Departure departure, const std::string& why, SchedulerOutput* out);
  void EvictSilent(Instant now, SchedulerOutput* out);
  void EvictSilentReaders(Instant now, SchedulerOutput* out);
  void NoteProgress(Instant now, const ShardReport& report);
  bool IsAhead(PlaceId place) const;
  bool Waits() const;
  void NoteStore(Instant now, const ShardReport& known, const ShardReport& report);
  void WatchLoad(const ShardReport& report, SchedulerOutput* out);
  void NoteQuarantine(const Heartbeat& beat, SchedulerOutput* out);
  void TellIfNobodyTrains(SchedulerOutput* out);

  // What a death may have cost (scheduler_sealed.cc).
  void CheckSealed(Instant now, SchedulerOutput* out);
  struct Extent {  // of a sealed life over all shards: [lowest, highest) is on some only
    Clock lowest;
    Clock highest;
  };
  std::optional<Extent> FinalExtent(const SealedEntry& sealed) const;
  void TellTorn(const SealedEntry& sealed, const Extent& extent, SchedulerOutput* out);
  void ReportPossibleLoss(Life life, SchedulerOutput* out);
  void ReportPossibleLossAgain(SchedulerOutput* out);
  bool ShardIsYounger(Life life) const;
  void ForgetSettled();
  void ForgetTheGone();

  // Snapshots (scheduler_cut.cc).
  void WantSnapshot(Instant now, SchedulerOutput* out);
  void RequestIfOverdue(Instant now, SchedulerOutput* out);
  Duration SnapshotsWithin() const;
  void OpenCutIfDue(Instant now, SchedulerOutput* out);
  std::optional<OpenCut> NextCut() const;
  Clock NextPlanned(Clock after) const;
  Clock NextCommonClock() const;
  void OpenAt(Instant now, const OpenCut& cut, SchedulerOutput* out);
  void Withdraw(const std::string& why, SchedulerOutput* out);
  void WithdrawIfOverdue(Instant now, SchedulerOutput* out);
  void CommitIfDurable(Instant now, SchedulerOutput* out);
  void KeepSuperseded(const CommittedSnapshot& superseded);

  // Views (scheduler_views.cc).
  void Publish(SchedulerOutput* out);
  void Persist(SchedulerOutput* out);
  void RaiseFloor();
  void ResendViews(SchedulerOutput* out);
  void TellIfKnown(Nonce to, SchedulerOutput* out) const;
  bool Knows(Nonce nonce) const;
  void Resume(Instant now, uint32_t places, const std::string& why, SchedulerOutput* out);
  void ForgetGeneration(Instant now);

  MemberEntry* FindMember(Life life);
  const ReaderEntry* FindReader(Life life) const;
  bool AllShardsHaveLives() const;
  bool AllShardsReported() const;
  Life NextLife() { return Life(++state_.life_counter); }
  Staleness staleness() const { return options_.job.staleness(); }
  void Emit(SchedulerOutput* out, SchedulerEvent event) { out->events.push_back(std::move(event)); }

  const SchedulerOptions options_;
  const uint64_t job_fingerprint_;
  SchedulerState state_;
  absl::flat_hash_set<Nonce> retired_;     // the same as in state_
  absl::flat_hash_set<Nonce> superseded_;  // the same
  std::set<SeatId> contested_;             // more than one process in state_ may have it
  AwakeClock clock_;

  // Soft state of the current shard lives, by place.
  std::map<PlaceId, ShardReport> reports_;
  std::map<PlaceId, SnapshotNumber> durable_;  // of the open cut
  // Soft state of peers, by life: lease and acknowledged view.
  struct Peer {
    Instant heard;
    ViewVersion seen{};
    Clock clock{};
    uint64_t work = 0;
    Instant worked;  // when `work` last grew
    std::optional<Clock> quarantined{};
  };
  std::map<Life, Peer> peers_;
  // Whom min_clock of a shard waits for, and since when.
  struct Slowest {
    Life life;
    Clock clock;
    Instant since;
  };
  std::map<PlaceId, Slowest> slowest_;
  struct Store {     // of a shard, as its reports show it
    Instant worked;  // when it last did something
    Instant heard;   // its latest report
    Duration stood;  // as its reports since then show; a silence counts for little
  };
  std::map<PlaceId, Store> stores_;
  std::map<Life, ViewVersion> added_;     // version that made a pending member
  std::map<Life, Clock> high_water_;      // F(w)
  std::map<Life, ClockDelta> torn_told_;  // of sealed lives: iterations, as this process told them
  Instant cut_passed_at_;                 // since when every shard's min_clock is >= C
  Instant committed_at_;
  // What the last snapshot took once every shard had passed its clock; of the first a guess.
  Duration written_in_ = Duration::Millis(300);
  int overdue_cuts_ = 0;  // withdrawn in a row, since the last commit
  int64_t margin_;
  bool snapshot_requested_ = false;
  bool start_timed_out_ = false;
  bool nobody_trains_ = false;  // and it was told
  bool restarted_ = true;       // and has told nothing yet
  Instant generation_since_;
};

}  // namespace rubato
