#include "server/scheduler/run_snapshots.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <utility>

#include "common/base/status.h"
#include "server/scheduler/scheduler_state.h"
#include "server/snapshot/image_folder.h"
#include "server/snapshot/retained_images.h"
#include "server/snapshot/snapshot_store.h"

namespace rubato {
namespace {

absl::StatusOr<SchedulerState> StateOf(const std::string& run) {
  ASSIGN_OR_RETURN(std::optional<SchedulerState> state, FindState(run));
  if (state && !KeptSnapshots(*state).empty()) return *std::move(state);
  return absl::FailedPreconditionError(
      absl::StrCat(run, ": no snapshot was ever committed here; train first"));
}

// The number is a person's.
absl::Status UnknownSnapshot(const std::string& run, SnapshotNumber number) {
  return absl::InvalidArgumentError(absl::StrCat(NoSuchSnapshot(run, number).message(),
                                                 "; `rubato snapshot list` says which there are"));
}

void AddImage(const std::string& run, const ImageName& image, SnapshotOnDisk* snapshot) {
  ++snapshot->shards;
  const auto use = UseOf(SnapshotsOf(run), image);
  if (!use.ok()) return;  // damaged, or gone this moment
  snapshot->bytes += use->bytes;
  snapshot->written_at = std::max(snapshot->written_at, use->written_at);
}

absl::StatusOr<SnapshotCheck> Check(const std::string& run, const CommittedSnapshot& snapshot) {
  SnapshotCheck check = {.number = snapshot.number, .clock = snapshot.clock, .damage = {}};
  for (const ImageName& image : snapshot.images) {
    ASSIGN_OR_RETURN(const std::vector<std::string> damage, DamageOf(SnapshotsOf(run), image));
    check.damage.insert(check.damage.end(), damage.begin(), damage.end());
  }
  return check;
}

bool Has(const std::vector<CommittedSnapshot>& snapshots, SnapshotNumber number) {
  return std::ranges::find(snapshots, number, &CommittedSnapshot::number) != snapshots.end();
}

struct Choice {
  std::vector<CommittedSnapshot> kept;  // oldest first
  std::vector<std::string> damage;
};

// From the newest on, until enough are whole; the older ones are not even read.
absl::StatusOr<Choice> ChooseKept(const std::string& run, const PruneOptions& options,
                                  const std::vector<CommittedSnapshot>& snapshots) {
  Choice choice;
  size_t whole = 0;
  for (auto snapshot = snapshots.rbegin(); snapshot != snapshots.rend(); ++snapshot) {
    bool counts = false;
    if (whole < options.keep) {
      const absl::Status status = VerifySnapshot(run, *snapshot);
      if (!status.ok() && !absl::IsDataLoss(status)) return status;
      if (!status.ok()) choice.damage.emplace_back(status.message());
      counts = status.ok();
    }
    if (counts) ++whole;
    if (counts || std::ranges::count(options.spare, snapshot->number) > 0) {
      choice.kept.insert(choice.kept.begin(), *snapshot);
    }
  }
  if (whole > 0) return choice;
  return absl::DataLossError(
      absl::StrFormat("%s, and no other snapshot is whole, so nothing was removed; restore %s from "
                      "a copy",
                      choice.damage[0], SnapshotsOf(run)));
}

// `snapshots`: oldest first, at least one.
void NameOnly(std::vector<CommittedSnapshot> snapshots, SchedulerState* state) {
  state->view.committed = std::move(snapshots.back());
  snapshots.pop_back();
  state->earlier = std::move(snapshots);
  state->set_aside.clear();
  state->view.kept.clear();
  for (const CommittedSnapshot& e : state->earlier) state->view.kept.push_back(e.number);
}

}  // namespace

absl::StatusOr<SnapshotList> ListSnapshots(const std::string& run) {
  ASSIGN_OR_RETURN(const std::optional<SchedulerState> state, FindState(run));
  SnapshotList list;
  if (!state) return list;
  std::vector<ImageName> kept;
  for (const CommittedSnapshot& snapshot : KeptSnapshots(*state)) {
    SnapshotOnDisk& on_disk = list.kept.emplace_back();
    on_disk.number = snapshot.number;
    on_disk.clock = snapshot.clock;
    for (const ImageName& image : snapshot.images) AddImage(run, image, &on_disk);
    kept.insert(kept.end(), snapshot.images.begin(), snapshot.images.end());
  }
  ASSIGN_OR_RETURN(const auto store, OpenSnapshotStoreToRead(SnapshotsOf(run)));
  ASSIGN_OR_RETURN(const std::vector<ImageName> images, ImagesBeside(kept, store.get()));
  std::map<SnapshotNumber, SnapshotOnDisk> unused;
  for (const ImageName& image : images) {
    unused[image.snapshot].number = image.snapshot;
    AddImage(run, image, &unused[image.snapshot]);
  }
  for (auto& [number, snapshot] : unused) list.unused.push_back(std::move(snapshot));
  return list;
}

absl::StatusOr<CommittedSnapshot> FindSnapshot(const std::string& run, SnapshotNumber number) {
  ASSIGN_OR_RETURN(const SchedulerState state, StateOf(run));
  for (CommittedSnapshot& snapshot : KeptSnapshots(state)) {
    if (snapshot.number == number) return std::move(snapshot);
  }
  return UnknownSnapshot(run, number);
}

absl::StatusOr<std::vector<SnapshotCheck>> CheckSnapshots(const std::string& run,
                                                          std::optional<SnapshotNumber> number) {
  ASSIGN_OR_RETURN(const SchedulerState state, StateOf(run));
  std::vector<CommittedSnapshot> snapshots = KeptSnapshots(state);
  if (number) std::erase_if(snapshots, [&](const auto& s) { return s.number != *number; });
  if (snapshots.empty()) return UnknownSnapshot(run, *number);
  std::vector<SnapshotCheck> checks;
  for (const CommittedSnapshot& snapshot : snapshots) {
    ASSIGN_OR_RETURN(checks.emplace_back(), Check(run, snapshot));
  }
  ASSIGN_OR_RETURN(const SchedulerState now, StateOf(run));
  const std::vector<CommittedSnapshot> still = KeptSnapshots(now);
  std::erase_if(checks, [&](const SnapshotCheck& check) { return !Has(still, check.number); });
  if (!checks.empty()) return checks;
  return GoneMeanwhile(NoSuchSnapshot(run, snapshots.front().number));
}

absl::StatusOr<PrunedSnapshots> PruneSnapshots(const std::string& run,
                                               const PruneOptions& options) {
  ASSIGN_OR_RETURN(SchedulerState state, StateOf(run));
  ASSIGN_OR_RETURN(Choice choice, ChooseKept(run, options, KeptSnapshots(state)));
  PrunedSnapshots pruned = {.kept = {}, .removed = {}, .damage = std::move(choice.damage)};
  std::vector<ImageName> kept;
  for (const CommittedSnapshot& snapshot : choice.kept) {
    pruned.kept.push_back(snapshot.number);
    kept.insert(kept.end(), snapshot.images.begin(), snapshot.images.end());
  }
  NameOnly(std::move(choice.kept), &state);
  RETURN_IF_ERROR(WriteSchedulerState(StatePathOf(run), state));
  ASSIGN_OR_RETURN(const auto store, OpenSnapshotStore(SnapshotsOf(run)));
  ASSIGN_OR_RETURN(const std::vector<ImageName> superfluous, ImagesBeside(kept, store.get()));
  for (const ImageName& image : superfluous) {
    const auto use = UseOf(SnapshotsOf(run), image);
    RETURN_IF_ERROR(store->Remove(image));
    if (use.ok()) pruned.bytes += use->bytes;
    pruned.removed.push_back(image.snapshot);
  }
  std::ranges::sort(pruned.removed);
  pruned.removed.erase(std::unique(pruned.removed.begin(), pruned.removed.end()),
                       pruned.removed.end());
  return pruned;
}

absl::StatusOr<RolledBack> RollBack(const std::string& run, SnapshotNumber number) {
  ASSIGN_OR_RETURN(SchedulerState state, StateOf(run));
  const size_t before = state.set_aside.size();
  if (!GoBackTo(run, number, &state).ok()) return UnknownSnapshot(run, number);
  RETURN_IF_ERROR(VerifySnapshot(run, state.view.committed));
  std::ranges::sort(std::span(state.set_aside).subspan(before));
  RETURN_IF_ERROR(WriteSchedulerState(StatePathOf(run), state));
  return RolledBack{
      state.view.committed,
      {state.set_aside.begin() + static_cast<std::ptrdiff_t>(before), state.set_aside.end()}};
}

}  // namespace rubato
