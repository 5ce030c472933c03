#include "common/job/initial_weights.h"

#include <algorithm>

#include "common/base/env.h"

namespace rubato {

void InitialWeights(const TableSpec& table, RowKey key, uint64_t seed, float* out) {
  if (table.initializer.kind == InitializerKind::kZero) {
    std::fill_n(out, table.dim, 0.0F);
    return;
  }
  if (table.initializer.kind == InitializerKind::kConstant) {
    std::fill_n(out, table.dim, table.initializer.scale);
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
