#include "server/run_start.h"

#include <filesystem>
#include <map>
#include <system_error>
#include <utility>
#include <vector>

#include "common/status.h"
#include "server/image_folder.h"
#include "server/scheduler_loop.h"
#include "server/scheduler_state.h"

namespace rubato {
namespace {

absl::StatusOr<std::vector<ImageName>> ImagesOf(const std::string& run) {
  std::error_code error;
  if (!std::filesystem::exists(SnapshotsOf(run), error)) return std::vector<ImageName>();
  return ListImageFolders(SnapshotsOf(run));
}

// The images of `epoch`, by place. A withdrawn cut may have left images of dead lives: the highest
// life is the one that was committed.
absl::StatusOr<CommittedEpoch> FindEpoch(const std::string& run, EpochId epoch,
                                         CommittedEpoch newest) {
  if (epoch == newest.epoch) return newest;
  ASSIGN_OR_RETURN(const std::vector<ImageName> names, ImagesOf(run));
  std::map<PlaceId, ImageName> images;
  for (const ImageName& name : names) {
    if (name.epoch == epoch) images[name.place] = name;  // in order of life
  }
  newest.epoch = epoch;
  newest.images.clear();
  for (const auto& [place, name] : images) newest.images.push_back(name);
  if (images.empty() || images.rbegin()->first.value() + 1 != images.size()) {
    return absl::NotFoundError(absl::StrFormat("%s: snapshot %d is not whole or not there",
                                               SnapshotsOf(run), epoch.value()));
  }
  return newest;
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

absl::StatusOr<SchedulerState> StateToTrain(const std::string& run, const Job& job,
                                            StartMode mode) {
  ASSIGN_OR_RETURN(std::optional<SchedulerState> state, FindState(run));
  if (!state) return Scheduler::FirstState(job);
  if (mode == StartMode::kNew) {
    return absl::InvalidArgumentError(
        absl::StrCat(StatePathOf(run),
                     ": this run was started before; use --resume to go on, or another folder"));
  }
  RETURN_IF_ERROR(CheckModel(run, job, *state));
  const Clock committed = state->view.committed.clock;
  if (committed >= job.last_clock) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: clock %d is committed and the run ends at clock %d, so nothing is left to train; ask "
        "for more data epochs (train.epochs)",
        run, committed.value(), job.last_clock.value()));
  }
  return ResumeState(*std::move(state), job.places);
}

absl::StatusOr<SchedulerState> StateToServe(const std::string& run, const Job& job,
                                            std::optional<EpochId> epoch) {
  ASSIGN_OR_RETURN(std::optional<SchedulerState> state, FindState(run));
  if (!state || state->view.committed.images.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(run, ": no snapshot was ever committed here; train first"));
  }
  RETURN_IF_ERROR(CheckModel(run, job, *state));
  if (epoch) {
    ASSIGN_OR_RETURN(state->view.committed, FindEpoch(run, *epoch, state->view.committed));
  }
  return ResumeState(*std::move(state), job.places);
}

}  // namespace rubato
