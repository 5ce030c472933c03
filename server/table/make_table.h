// A shard's part of a table, of either kind.
#pragma once

#include <cstdint>
#include <memory>

#include "common/base/ids.h"
#include "common/job/table_spec.h"
#include "server/table/table.h"

namespace rubato {

// The part of `spec` that lives at `place` of `places` (common/job/shard_map.h); dense blocks are
// there at once with their first weights. `seed` is the run's.
std::unique_ptr<Table> MakeTable(const TableSpec& spec, PlaceId place, uint32_t places,
                                 uint64_t seed);

}  // namespace rubato
