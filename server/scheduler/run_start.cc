#include "server/scheduler/run_start.h"

#include <filesystem>
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

// Committed epochs whose images are kept, oldest first.
std::vector<CommittedEpoch> CommittedOf(const SchedulerState& state) {
  std::vector<CommittedEpoch> epochs = state.earlier;
  if (!state.view.committed.images.empty()) epochs.push_back(state.view.committed);
  return epochs;
}

absl::Status NoSuchSnapshot(const std::string& run, EpochId epoch) {
  return absl::NotFoundError(
      absl::StrFormat("%s: snapshot %d was not committed by this run, or is not kept any more",
                      SnapshotsOf(run), epoch.value()));
}

// Makes `epoch` the committed one. What came after it is kept for a person to look at.
absl::Status GoBackTo(const std::string& run, EpochId epoch, SchedulerState* state) {
  std::vector<CommittedEpoch> epochs = CommittedOf(*state);
  while (!epochs.empty() && epochs.back().epoch != epoch) {
    state->set_aside.push_back(epochs.back().epoch);
    epochs.pop_back();
  }
  if (epochs.empty()) return NoSuchSnapshot(run, epoch);
  state->view.committed = epochs.back();
  epochs.pop_back();
  state->earlier = std::move(epochs);
  return absl::OkStatus();
}

absl::Status VerifyImages(const std::string& run, const CommittedEpoch& snapshot) {
  for (const ImageName& image : snapshot.images) {
    RETURN_IF_ERROR(VerifyImage(SnapshotsOf(run), image));
  }
  return absl::OkStatus();
}

absl::StatusOr<WholeSnapshot> NewestWhole(const std::string& run,
                                          std::vector<CommittedEpoch> epochs) {
  std::vector<std::string> damaged;
  for (; !epochs.empty(); epochs.pop_back()) {
    const CommittedEpoch& snapshot = epochs.back();
    const absl::Status status = VerifyImages(run, snapshot);
    if (status.ok()) {
      for (std::string& sentence : damaged) {
        absl::StrAppend(&sentence, "; going back to snapshot ", snapshot.epoch.value(),
                        " at clock ", snapshot.clock.value());
      }
      return WholeSnapshot{snapshot, damaged};
    }
    if (status.code() != absl::StatusCode::kDataLoss) return status;
    damaged.push_back(absl::StrFormat("snapshot %d at clock %d is damaged: %s",
                                      snapshot.epoch.value(), snapshot.clock.value(),
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

absl::StatusOr<WholeSnapshot> FindWholeSnapshot(const std::string& run,
                                                std::optional<EpochId> newest) {
  for (int tries = 0; tries < kLooks; ++tries) {
    ASSIGN_OR_RETURN(const std::optional<SchedulerState> state, FindState(run));
    std::vector<CommittedEpoch> epochs;
    if (state) epochs = CommittedOf(*state);
    if (newest) {
      std::erase_if(epochs, [&](const CommittedEpoch& e) { return e.epoch > *newest; });
      if (epochs.empty() || epochs.back().epoch != *newest) return NoSuchSnapshot(run, *newest);
    }
    if (epochs.empty()) return WholeSnapshot{};
    absl::StatusOr<WholeSnapshot> whole = NewestWhole(run, std::move(epochs));
    if (whole.ok() && whole->damaged.empty()) return whole;
    // A fleet that trains here meanwhile may have removed what was looked for.
    ASSIGN_OR_RETURN(const std::optional<SchedulerState> now, FindState(run));
    if (!now || CommittedOf(*now) == CommittedOf(*state)) return whole;
  }
  return GoneMeanwhile(absl::NotFoundError(
      absl::StrCat(SnapshotsOf(run), ": each snapshot was gone before it was read")));
}

absl::StatusOr<SchedulerState> StateToTrain(const std::string& run, const Job& job, StartMode mode,
                                            std::optional<EpochId> epoch) {
  ASSIGN_OR_RETURN(std::optional<SchedulerState> state, FindState(run));
  if (!state && epoch) return NoSuchSnapshot(run, *epoch);
  if (!state) return Scheduler::FirstState(job);
  if (mode == StartMode::kNew) {
    return absl::InvalidArgumentError(
        absl::StrCat(StatePathOf(run),
                     ": this run was started before; use --resume to go on, or another folder"));
  }
  RETURN_IF_ERROR(CheckModel(run, job, *state));
  if (epoch) RETURN_IF_ERROR(GoBackTo(run, *epoch, &*state));
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
                                            std::optional<EpochId> epoch) {
  ASSIGN_OR_RETURN(std::optional<SchedulerState> state, FindState(run));
  if (!state || state->view.committed.images.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(run, ": no snapshot was ever committed here; train first"));
  }
  RETURN_IF_ERROR(CheckModel(run, job, *state));
  // It was there when it was chosen.
  const absl::Status back = epoch ? GoBackTo(run, *epoch, &*state) : absl::OkStatus();
  if (!back.ok()) return GoneMeanwhile(back);
  return Scheduler::ResumedState(*std::move(state), job.places);
}

}  // namespace rubato
