#include "common/shard_map.h"

#include <xxhash.h>

#include <algorithm>
#include <array>

#include "common/env.h"

namespace rubato {

PlaceId PlaceOf(const TableSpec& table, RowKey key, uint32_t places) {
  if (table.kind == TableKind::kDense) {
    return PlaceId(static_cast<uint32_t>((key.value() + table.id.value()) % places));
  }
  const uint64_t hash = XXH3_64bits_withSeed(&key, sizeof(key), table.id.value());
  return PlaceId(static_cast<uint32_t>(hash % places));
}

void InitialWeights(const TableSpec& table, RowKey key, uint64_t seed, float* out) {
  if (table.initializer.kind == InitializerKind::kZero) {
    std::fill_n(out, table.dim, 0.0F);
    return;
  }
  const float scale = table.initializer.scale;
  Rng rng(MixBits(seed ^ MixBits(table.id.value() ^ MixBits(key.value()))));
  for (uint32_t i = 0; i < table.dim; ++i) {
    const double unit = table.initializer.kind == InitializerKind::kUniform
                            ? 2.0 * rng.Uniform() - 1.0
                            : rng.Normal();
    out[i] = scale * static_cast<float>(unit);
  }
}

}  // namespace rubato
