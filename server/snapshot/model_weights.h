// The weights of a model as a snapshot has them: those of all its shards put together, without what
// the optimizers keep beside them. The same model has the same weights here however many shards it
// was cut on.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "common/job/job.h"
#include "server/snapshot/snapshot_store.h"

namespace rubato {

struct TableWeights {
  TableSpec spec;
  std::vector<RowKey> keys;    // sparse: [rows], ascending; dense: none
  std::vector<float> weights;  // dense: [spec.size]; sparse: [rows, spec.dim] row-major
};

// The tables of `job` in order, from the images of one snapshot, one image a place. They are read
// one after the other, so memory holds all weights and one image at a time, and each sparse table
// once more while it is sorted. DataLoss: a file is damaged, or a table is not all there.
// FailedPrecondition: the snapshot is of another model.
absl::StatusOr<std::vector<TableWeights>> ReadWeights(const Job& job,
                                                      const std::vector<ImageName>& images,
                                                      SnapshotStore* store);

}  // namespace rubato
