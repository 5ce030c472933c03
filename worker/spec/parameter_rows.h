// What every model does alike with its rows: the blocks of dense tables, gradients in the shape of
// their parameters, and the optimizer that the run file names.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "common/job/table_spec.h"
#include "worker/compute/model.h"
#include "worker/run_file/run_config.h"

namespace rubato {

// One entry per table, without keys and values; memory is kept.
void ClearRows(const std::vector<TableSpec>& tables, Parameters* rows);
// All blocks 0..n-1 of a dense table.
void AllBlocks(const TableSpec& table, ParameterRows* rows);

// Gives `gradients` the tables, keys and sizes of `parameters`. Zero are: sparse rows, to be summed
// into, and the padding of a last dense block; a dense table's own floats are to be overwritten.
void ShapeGradients(const std::vector<TableSpec>& tables, const Parameters& parameters,
                    Parameters* gradients);
// CHECKs that `parameters` are rows of `tables` with their values filled in.
void CheckParameters(const std::vector<TableSpec>& tables, const Parameters& parameters);

// Size of a sparse table's key space: [0, reserved) and then levels and sparse keys of `shape`.
// InvalidArgument: the data has no columns at all, or keys beyond 64 bits.
absl::StatusOr<uint64_t> KeySpace(uint64_t reserved, const DatasetShape& shape);

// InvalidArgument names an unknown optimizer.kind.
absl::StatusOr<OptimizerSpec> ToOptimizerSpec(const OptimizerConfig& config);
// For biases: nothing pulls them towards zero.
OptimizerSpec WithoutPenalty(OptimizerSpec spec);

}  // namespace rubato
