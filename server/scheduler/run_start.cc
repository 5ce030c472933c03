#include "server/scheduler/run_start.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "server/scheduler/scheduler_loop.h"
#include "server/scheduler/scheduler_state.h"
#include "server/snapshot/image_folder.h"
#include "server/snapshot/retained_images.h"
#include "server/snapshot/snapshot_store.h"

namespace rubato {
namespace {

// How often a snapshot is looked for that the run itself removes meanwhile.
constexpr int kLooks = 5;

absl::StatusOr<std::vector<ImageName>> ImagesOf(const std::string& run) {
  std::error_code error;
  if (!std::filesystem::exists(SnapshotsOf(run), error)) return std::vector<ImageName>();
  return ListImageFolders(SnapshotsOf(run));
}

absl::StatusOr<WholeSnapshot> NewestWhole(const std::string& run,
                                          std::vector<CommittedSnapshot> snapshots) {
  std::vector<std::string> damaged;
  for (; !snapshots.empty(); snapshots.pop_back()) {
    const CommittedSnapshot& snapshot = snapshots.back();
    const absl::Status status = VerifySnapshot(run, snapshot);
    if (status.ok()) {
      for (std::string& sentence : damaged) {
        absl::StrAppend(&sentence, "; going back to snapshot ", snapshot.number.value(),
                        " at clock ", snapshot.clock.value());
      }
      return WholeSnapshot{snapshot, damaged};
    }
    if (status.code() != absl::StatusCode::kDataLoss) return status;
    damaged.push_back(absl::StrFormat("snapshot %d at clock %d is damaged: %s",
                                      snapshot.number.value(), snapshot.clock.value(),
                                      status.message()));
  }
  return absl::DataLossError(
      absl::StrFormat("%s, and no other one is whole; restore %s from a copy, or train into a new "
                      "folder",
                      damaged[0], SnapshotsOf(run)));
}

absl::Status CheckModel(const std::string& run, const Job& job, const SchedulerState& state) {
  if (state.job_fingerprint == job.Fingerprint()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrFormat(
      "%s is of another model (its tables or seed differ from job.json's); put this run's own "
      "snapshots back, or train into a new folder",
      SnapshotsOf(run)));
}

}  // namespace

std::string SnapshotsOf(const std::string& run) { return run + "/snapshots"; }

std::string StatePathOf(const std::string& run) { return SnapshotsOf(run) + "/scheduler.state"; }

absl::StatusOr<std::optional<SchedulerState>> FindState(const std::string& run) {
  absl::StatusOr<SchedulerState> state = ReadSchedulerState(StatePathOf(run));
  if (state.ok()) return *std::move(state);
  if (state.status().code() != absl::StatusCode::kNotFound) return state.status();
  ASSIGN_OR_RETURN(const std::vector<ImageName> images, ImagesOf(run));
  if (images.empty()) return std::nullopt;
  return absl::DataLossError(
      absl::StrFormat("%s: it is missing beside images of snapshots, which are of no use without "
                      "it; restore it, or "
                      "remove %s to start over",
                      StatePathOf(run), SnapshotsOf(run)));
}

std::vector<CommittedSnapshot> KeptSnapshots(const SchedulerState& state) {
  std::vector<CommittedSnapshot> snapshots = state.earlier;
  if (!state.view.committed.images.empty()) snapshots.push_back(state.view.committed);
  return snapshots;
}

absl::Status NoSuchSnapshot(const std::string& run, SnapshotNumber number) {
  return absl::NotFoundError(
      absl::StrFormat("%s: snapshot %d was not committed by this run, or is not kept any more",
                      SnapshotsOf(run), number.value()));
}

absl::Status GoBackTo(const std::string& run, SnapshotNumber number, SchedulerState* state) {
  std::vector<CommittedSnapshot> snapshots = KeptSnapshots(*state);
  while (!snapshots.empty() && snapshots.back().number != number) {
    state->set_aside.push_back(snapshots.back().number);
    snapshots.pop_back();
  }
  if (snapshots.empty() && number != SnapshotNumber(0)) return NoSuchSnapshot(run, number);
  state->view.committed = snapshots.empty() ? CommittedSnapshot{} : snapshots.back();
  if (!snapshots.empty()) snapshots.pop_back();
  state->earlier = std::move(snapshots);
  return absl::OkStatus();
}

absl::Status VerifySnapshot(const std::string& run, const CommittedSnapshot& snapshot) {
  for (const ImageName& image : snapshot.images) {
    RETURN_IF_ERROR(VerifyImage(SnapshotsOf(run), image));
  }
  return absl::OkStatus();
}

absl::StatusOr<WholeSnapshot> FindWholeSnapshot(const std::string& run,
                                                std::optional<SnapshotNumber> newest) {
  for (int tries = 0; tries < kLooks; ++tries) {
    ASSIGN_OR_RETURN(const std::optional<SchedulerState> state, FindState(run));
    std::vector<CommittedSnapshot> snapshots;
    if (state) snapshots = KeptSnapshots(*state);
    if (newest) {
      std::erase_if(snapshots, [&](const CommittedSnapshot& e) { return e.number > *newest; });
      if (snapshots.empty() || snapshots.back().number != *newest) {
        return NoSuchSnapshot(run, *newest);
      }
    }
    if (snapshots.empty()) return WholeSnapshot{};
    absl::StatusOr<WholeSnapshot> whole = NewestWhole(run, std::move(snapshots));
    if (whole.ok() && whole->damaged.empty()) return whole;
    // A fleet that trains here meanwhile may have removed what was looked for.
    ASSIGN_OR_RETURN(const std::optional<SchedulerState> now, FindState(run));
    if (!now || KeptSnapshots(*now) == KeptSnapshots(*state)) return whole;
  }
  return GoneMeanwhile(absl::NotFoundError(
      absl::StrCat(SnapshotsOf(run), ": each snapshot was gone before it was read")));
}

absl::StatusOr<std::vector<Gap>> GapsOf(const std::string& run,
                                        std::optional<SnapshotNumber> number) {
  ASSIGN_OR_RETURN(std::optional<SchedulerState> state, FindState(run));
  if (!state) return std::vector<Gap>();
  if (number) RETURN_IF_ERROR(GoBackTo(run, *number, &*state));
  std::vector<std::map<Life, Clock>> reached;  // on each shard
  for (const ImageName& image : state->view.committed.images) {
    ASSIGN_OR_RETURN(const ImageHead head, ReadHead(SnapshotsOf(run), image));
    if (head.exact) return std::vector<Gap>();
    std::map<Life, Clock>& here = reached.emplace_back();
    for (const Position& position : head.positions) here[position.life] = position.clock;
  }
  std::vector<Gap> gaps;
  const Clock end = state->view.committed.clock;
  for (const MemberEntry& member : state->view.members) {
    if (!member.start) continue;
    Clock begin = end;
    for (const auto& shard : reached) {
      const auto at = shard.find(member.life);
      // A shard that does not name it was cut before it began there.
      begin = std::min(begin, at == shard.end() ? *member.start : at->second);
    }
    if (begin < end) gaps.push_back({member.seat, member.life, begin, end});
  }
  return gaps;
}

absl::StatusOr<SchedulerState> StateToTrain(const std::string& run, const Job& job, StartMode mode,
                                            std::optional<SnapshotNumber> number) {
  ASSIGN_OR_RETURN(std::optional<SchedulerState> state, FindState(run));
  if (!state && number) return NoSuchSnapshot(run, *number);
  if (!state) return Scheduler::FirstState(job);
  if (mode == StartMode::kNew) {
    return absl::InvalidArgumentError(
        absl::StrCat(StatePathOf(run),
                     ": this run was started before; use --resume to go on, or another folder"));
  }
  RETURN_IF_ERROR(CheckModel(run, job, *state));
  if (mode == StartMode::kRestart) return *std::move(state);
  if (number) RETURN_IF_ERROR(GoBackTo(run, *number, &*state));
  const Clock committed = state->view.committed.clock;
  if (committed >= job.last_clock) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: clock %d is committed and the run ends at clock %d, so nothing is left to train; ask "
        "for more epochs (train.epochs)",
        run, committed.value(), job.last_clock.value()));
  }
  return Scheduler::ResumedState(*std::move(state), job.places);
}

absl::StatusOr<SchedulerState> StateToServe(const std::string& run, const Job& job,
                                            std::optional<SnapshotNumber> number) {
  ASSIGN_OR_RETURN(std::optional<SchedulerState> state, FindState(run));
  if (!state || state->view.committed.images.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(run, ": no snapshot was ever committed here; train first"));
  }
  RETURN_IF_ERROR(CheckModel(run, job, *state));
  // It was there when it was chosen.
  const absl::Status back = number ? GoBackTo(run, *number, &*state) : absl::OkStatus();
  if (!back.ok()) return GoneMeanwhile(back);
  return Scheduler::ResumedState(*std::move(state), job.places);
}

}  // namespace rubato
