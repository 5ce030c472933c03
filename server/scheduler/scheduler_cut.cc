// Snapshots: when a cut is opened, withdrawn and committed.
#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/wire/protocol.h"
#include "server/scheduler/scheduler.h"

namespace rubato {
namespace {

// A snapshot is made once this many times what the last one took have passed.
constexpr double kTimesWritten = 100;
// Cuts in a row that stores stood still at: with the default deadline, ten minutes of nothing.
constexpr int kOverdueCuts = 5;
// Sealed lives leave the view at a commit; each is a line of every view and report.
constexpr size_t kManySealed = 256;

}  // namespace

void Scheduler::RequestSnapshot(Instant now, SchedulerOutput* out) {
  WantSnapshot(Awake(now), out);
}

void Scheduler::WantSnapshot(Instant now, SchedulerOutput* out) {
  if (finished()) return;
  snapshot_requested_ = true;
  OpenCutIfDue(now, out);
}

bool Scheduler::NothingTrained() const {
  return view().sealed.empty() && std::none_of(view().members.begin(), view().members.end(),
                                               [](const MemberEntry& m) { return m.start; });
}

// What a dead shard's successor is sent again, and a dead fleet has to train again, is bounded in
// time, whatever the sizes of pushes and clocks.
void Scheduler::RequestIfOverdue(Instant now, SchedulerOutput* out) {
  if (NothingTrained()) committed_at_ = now;
  const bool overdue = now - committed_at_ > SnapshotsWithin();
  if (overdue || view().sealed.size() >= kManySealed) WantSnapshot(now, out);
}

// Who says after how many clocks he wants them has them then.
Duration Scheduler::SnapshotsWithin() const {
  if (options_.job.snapshot_every_clocks > 0) return options_.snapshot_within;
  const Duration worthwhile = Duration::Seconds(kTimesWritten * written_in_.seconds());
  return std::min(options_.snapshot_within, std::max(options_.snapshot_after, worthwhile));
}

void Scheduler::OpenCutIfDue(Instant now, SchedulerOutput* out) {
  if (finished() || !AllShardsReported()) return;
  // Without members no clock moves: nothing would reach C, unless all are through already.
  const bool members = std::any_of(view().members.begin(), view().members.end(),
                                   [](const MemberEntry& m) { return m.start.has_value(); });
  if (!members && known_min_clock() < options_.job.last_clock) return;
  const std::optional<OpenCut> cut = NextCut();
  if (!cut) return;
  if (view().cut) {
    // A planned cut may lie far ahead; a snapshot that is wanted now does not wait for it.
    if (!snapshot_requested_ || view().cut->clock <= cut->clock) return;
    Withdraw("a snapshot is wanted sooner", out);
  }
  OpenAt(now, *cut, out);
}

// C = min(T, max(highest known clock + margin, clock of the committed snapshot + 1)), moved up to
// the next planned clock unless a snapshot is wanted at once. ASP has no common clock but T: every
// other cut is torn, and T is announced only when all shards are there.
std::optional<OpenCut> Scheduler::NextCut() const {
  const Clock committed = view().committed.clock;
  const SnapshotNumber number(state_.snapshot_counter + 1);
  const Clock common = NextCommonClock();
  if (staleness().infinite()) {
    if (known_min_clock() >= common) return OpenCut{number, common, true};
    const int64_t every = options_.job.snapshot_every_clocks;
    const bool due = every > 0 && known_min_clock() >= committed + ClockDelta(every);
    if ((!due && !snapshot_requested_) || committed.Next() >= common) return std::nullopt;
    return OpenCut{number, committed.Next(), false};
  }
  const Clock soonest = CutRule::Soonest(known_end(), ClockDelta(margin_), committed, common);
  return OpenCut{number, snapshot_requested_ ? soonest : NextPlanned(soonest), true};
}

// The first planned clock that can still be reached in time: multiples of snapshot_every_clocks
// or else where the workers wait for the commit (so no margin is needed).
Clock Scheduler::NextPlanned(Clock soonest) const {
  const Job& job = options_.job;
  Clock planned = NextCommonClock();
  if (job.snapshot_every_clocks > 0) {
    const int64_t every = job.snapshot_every_clocks;
    planned = std::min(planned, Clock((soonest.value() + every - 1) / every * every));
  }
  return planned;
}

// The next clock at which all workers wait for a commit.
Clock Scheduler::NextCommonClock() const {
  return options_.job.NextCommon(std::max(known_end(), view().committed.clock.Next()));
}

void Scheduler::OpenAt(Instant now, const OpenCut& cut, SchedulerOutput* out) {
  ++state_.snapshot_counter;
  state_.view.cut = cut;
  state_.cut_opened_at = ViewVersion(view().version.value() + 1);
  durable_.clear();
  cut_passed_at_ = now;
  Emit(out, {SchedulerEventKind::kCutOpened, kNoLife, cut.clock, Clock(0),
             absl::StrCat("snapshot ", cut.snapshot.value())});
  Publish(out);
}

void Scheduler::Withdraw(const std::string& why, SchedulerOutput* out) {
  Emit(out, {SchedulerEventKind::kCutWithdrawn, kNoLife, view().cut->clock, Clock(0), why});
  state_.view.cut.reset();
  durable_.clear();
  Publish(out);
}

void Scheduler::WithdrawIfOverdue(Instant now, SchedulerOutput* out) {
  if (!view().cut) return;
  const bool passed = AllShardsReported() && known_min_clock() >= view().cut->clock;
  if (!passed) cut_passed_at_ = now;
  if (now - std::max(cut_passed_at_, stored_at()) <= options_.cut_deadline) return;
  margin_ = std::max<int64_t>(1, 2 * margin_);
  Withdraw("no image, and the shards' stores stand still", out);
  if (++overdue_cuts_ < kOverdueCuts) return;
  Emit(out, {SchedulerEventKind::kStoresStand, kNoLife, view().committed.clock, Clock(0),
             absl::StrFormat("%d snapshots in a row were given up after %d s in which no shard "
                             "could write anything",
                             overdue_cuts_, static_cast<int>(options_.cut_deadline.seconds()))});
}

// The commit is a view: it names the exact image of each current shard life.
void Scheduler::CommitIfDurable(Instant now, SchedulerOutput* out) {
  const std::optional<OpenCut> cut = view().cut;
  if (!cut || durable_.size() != view().shards.size()) return;
  if (nobody_trains_) return;  // its weights may be no numbers
  CommittedSnapshot committed;
  committed.number = cut->snapshot;
  committed.clock = cut->clock;
  committed.generation = view().generation;
  for (size_t i = 0; i < view().shards.size(); ++i) {
    const PlaceId place(static_cast<uint32_t>(i));
    committed.images.push_back({cut->snapshot, place, view().shards[i].life});
    const auto report = reports_.find(place);
    if (!cut->exact && report != reports_.end()) {
      committed.clock = std::max(committed.clock, report->second.durable_clock);
    }
  }
  // A torn snapshot never ends the run or an epoch, even if one fast worker was done with it.
  if (!cut->exact) committed.clock = std::min(committed.clock, NextCommonClock() - ClockDelta(1));
  KeepSuperseded(view().committed);
  ForgetSettled();
  state_.view.committed = committed;
  state_.view.cut.reset();
  durable_.clear();
  margin_ = options_.first_margin;
  overdue_cuts_ = 0;
  written_in_ = now - cut_passed_at_;
  committed_at_ = now;
  snapshot_requested_ = false;
  Emit(out, {SchedulerEventKind::kCommitted, kNoLife, committed.clock, Clock(0),
             absl::StrCat("snapshot ", committed.number.value())});
  Publish(out);
}

// With best_epoch the best epoch is chosen among those that were validated: no others are kept
// for it. A torn snapshot never has the clock of one.
void Scheduler::KeepSuperseded(const CommittedSnapshot& superseded) {
  if (superseded.images.empty()) return;
  const Job& job = options_.job;
  std::vector<CommittedSnapshot>& earlier = state_.earlier;
  earlier.push_back(superseded);
  if (job.best_epoch) {
    std::erase_if(earlier, [&](const CommittedSnapshot& snapshot) {
      return !job.IsEvaluation(snapshot.clock) && snapshot.clock != job.last_clock;
    });
    return;
  }
  const auto most = static_cast<size_t>(job.snapshots_kept) - 1;
  if (earlier.size() > most) {
    earlier.erase(earlier.begin(), earlier.end() - static_cast<ptrdiff_t>(most));
  }
}

}  // namespace rubato
