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

// `committed`: the newest committed images of a place, oldest first; at least one. Removes what
// is older than the last of them and not needed. An image that cannot be read stays: it is evidence
// of a damage that a person has to hear of.
absl::Status PruneSuperseded(const Job& job, const std::vector<ImageName>& committed,
                             SnapshotStore* store);

}  // namespace rubato
