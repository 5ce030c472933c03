// What a scheduler that starts goes on from: RUN/snapshots, as earlier starts of the run left it.
//
// scheduler.state says which images are committed, and which lives and snapshot numbers were ever
// given, so images without it are of no use: that is a damaged run and not a new one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/job/job.h"
#include "server/scheduler/scheduler.h"

namespace rubato {

std::string SnapshotsOf(const std::string& run);
std::string StatePathOf(const std::string& run);

// nullopt: the run was never started. DataLoss: the state is damaged, or gone beside its images.
absl::StatusOr<std::optional<SchedulerState>> FindState(const std::string& run);

// Committed snapshots whose images `state` keeps, oldest first; the last one is the committed one.
std::vector<CommittedSnapshot> KeptSnapshots(const SchedulerState& state);

// Makes snapshot `number` of `run` the committed one of its `state`. What was committed after it is
// set aside: its images stay, and nobody uses them again. Number 0: the first weights. NotFound: it
// is not one of KeptSnapshots.
absl::Status GoBackTo(const std::string& run, SnapshotNumber number, SchedulerState* state);

// Whether every image is whole: all bytes are read. DataLoss says which file is not.
absl::Status VerifySnapshot(const std::string& run, const CommittedSnapshot& snapshot);

// What is said of a snapshot that is not one of KeptSnapshots.
absl::Status NoSuchSnapshot(const std::string& run, SnapshotNumber number);

// The newest committed snapshot of which every image is whole: all of them are read.
struct WholeSnapshot {
  CommittedSnapshot snapshot;        // number 0: nothing was ever committed
  std::vector<std::string> damaged;  // newer ones: a sentence about each, and what is used instead
};
// `newest`: the one to begin with, nothing newer is looked at. DataLoss: none is whole.
absl::StatusOr<WholeSnapshot> FindWholeSnapshot(const std::string& run,
                                                std::optional<SnapshotNumber> newest);

// Iterations [begin, end) of a worker's life that a torn snapshot has on some shards only, or on
// none: all go on at its clock, `end`.
struct Gap {
  SeatId seat;
  Life life;
  Clock begin;
  Clock end;
  friend bool operator==(const Gap&, const Gap&) = default;
};
// Of those who were there when the run ended, in the snapshot that it goes on from: the newest, or
// `number`. None where that is exact.
absl::StatusOr<std::vector<Gap>> GapsOf(const std::string& run,
                                        std::optional<SnapshotNumber> number);

enum class StartMode { kNew, kResume, kRestart };

// The first state of a run, or its committed snapshot in a new generation: the newest, or `number`,
// and then what was committed after that is set aside. kRestart: of a scheduler that died, whose
// fleet lives: as it was. InvalidArgument: it was started before and this is no resume, or nothing
// is left to train. FailedPrecondition: the snapshots are of another model.
absl::StatusOr<SchedulerState> StateToTrain(const std::string& run, const Job& job, StartMode mode,
                                            std::optional<SnapshotNumber> number);

// For readers. `number`: that snapshot, the newest if there is none.
absl::StatusOr<SchedulerState> StateToServe(const std::string& run, const Job& job,
                                            std::optional<SnapshotNumber> number);

}  // namespace rubato
