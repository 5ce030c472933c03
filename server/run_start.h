// What a scheduler that starts goes on from: RUN/snapshots, as earlier starts of the run left it.
//
// scheduler.state says which images are committed, and which lives and epochs were ever given, so
// images without it are of no use: that is a damaged run and not a new one.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/job.h"
#include "server/scheduler.h"

namespace rubato {

std::string SnapshotsOf(const std::string& run);
std::string StatePathOf(const std::string& run);

// nullopt: the run was never started. DataLoss: the state is damaged, or gone beside its images.
absl::StatusOr<std::optional<SchedulerState>> FindState(const std::string& run);

enum class StartMode { kNew, kResume };

// The first state of a run, or its committed epoch in a new generation. InvalidArgument: it was
// started before and this is no resume, or nothing is left to train. FailedPrecondition: the
// snapshots are of another model.
absl::StatusOr<SchedulerState> StateToTrain(const std::string& run, const Job& job, StartMode mode);

// For readers. `epoch`: that snapshot, the newest if there is none.
absl::StatusOr<SchedulerState> StateToServe(const std::string& run, const Job& job,
                                            std::optional<EpochId> epoch);

}  // namespace rubato
