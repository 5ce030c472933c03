// The rows of a model's tables that a batch needs, and their gradients, which have the same shape.
#pragma once

#include <vector>

#include "common/base/ids.h"
#include "common/job/table_spec.h"
#include "common/memory/floats.h"

namespace rubato {

// Rows of one table: sorted distinct keys, and after a pull their weights [keys.size(), dim]
// row-major. Gradients have the same shape and order.
struct ParameterRows {
  TableId table;
  std::vector<RowKey> keys;
  Floats values;
};
using Parameters = std::vector<ParameterRows>;

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

}  // namespace rubato
