// Which images a run keeps once newer ones are committed: the newest committed ones and, with
// best_epoch, those that the best data epoch may turn out to be. Everything else is of no use to
// anybody, and a snapshot is as large as the model.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "common/job.h"
#include "server/snapshot_store.h"

namespace rubato {

// Of the images of one place (rows are not looked at) those that hold weights which were validated:
// exact, and cut where a data epoch is evaluated (worker/timetable.h) or at the end of the run.
// Clocks of commits rise, so where a cut was repeated at a clock, the newest one was committed.
std::vector<ImageName> Validated(const Job& job, std::vector<Image> images);

// Whether a cut that was once open will never be committed, as far as `view` tells: a view that is
// not older than the one that opened it. False for what is not newer than the committed epoch: it
// may have been committed by a view that nobody here has seen.
bool Withdrawn(const View& view, EpochId epoch);

// `committed`: the newest committed images of a place, oldest first; at least one. Removes what
// is older than the last of them and not needed. An image that cannot be read stays: it is evidence
// of a damage that a person has to hear of.
absl::Status PruneSuperseded(const Job& job, const std::vector<ImageName>& committed,
                             SnapshotStore* store);

}  // namespace rubato
