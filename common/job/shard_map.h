// Where a row lives: a pure function of (table, key, number of places), the same on every machine.
// Dense blocks go round robin, shifted by table so that small tables do not all start at place 0;
// sparse keys go by XXH3 of (table, key).
#pragma once

#include <cstdint>

#include "common/base/ids.h"
#include "common/job/table_spec.h"

namespace rubato {

PlaceId PlaceOf(const TableSpec& table, RowKey key, uint32_t places);

}  // namespace rubato
