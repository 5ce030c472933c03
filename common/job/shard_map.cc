#include "common/job/shard_map.h"

#include <xxhash.h>

namespace rubato {

PlaceId PlaceOf(const TableSpec& table, RowKey key, uint32_t places) {
  if (table.kind == TableKind::kDense) {
    return PlaceId(static_cast<uint32_t>((key.value() + table.id.value()) % places));
  }
  const uint64_t hash = XXH3_64bits_withSeed(&key, sizeof(key), table.id.value());
  return PlaceId(static_cast<uint32_t>(hash % places));
}

}  // namespace rubato
