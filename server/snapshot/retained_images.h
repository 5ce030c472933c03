// Which images a run keeps once newer ones are committed. The view says it: the committed snapshot,
// and older ones that the scheduler still counts on. Everything else is of no use to anybody, and a
// snapshot is as large as the model.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/snapshot/snapshot_store.h"

namespace rubato {

// Whether a cut that was once open will never be committed, as far as `view` tells: a view that is
// not older than the one that opened it. False for what is not newer than the committed snapshot:
// it may have been committed by a view that nobody here has seen.
bool Withdrawn(const View& view, SnapshotNumber snapshot);

// What a reader says that does not find a snapshot (`missing`): the run may train meanwhile and
// have removed it, so another try is worth it (Unavailable).
absl::Status GoneMeanwhile(const absl::Status& missing);

// All images of `store` but `kept` ones and those that these rest on, in the order in which they
// are to be removed. Where a chain is damaged, any older image of its place counts as part of it.
absl::StatusOr<std::vector<ImageName>> ImagesBeside(const std::vector<ImageName>& kept,
                                                    SnapshotStore* store);

// Removes the images of `place` that are older than the committed snapshot of `view`, of no
// snapshot that it keeps, and in the chain of no image that stays. To be called by who knows that
// the committed image is whole.
absl::Status PruneSuperseded(const View& view, PlaceId place, SnapshotStore* store);

}  // namespace rubato
