// The first weights of a row: a pure function of (run seed, table, key), so that a row is born the
// same on whichever shard, worker or device it is made first, and a row that nobody ever pushed
// needs no memory. The bits are part of every run's result: they never change.
#pragma once

#include <cstdint>

#include "common/base/ids.h"
#include "common/job/table_spec.h"

namespace rubato {

// out[table.dim]: zeros, a constant, or table.dim draws of a generator that (seed, table, key)
// seeds.
void InitialWeights(const TableSpec& table, RowKey key, uint64_t seed, float* out);

}  // namespace rubato
