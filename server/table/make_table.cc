#include "server/table/make_table.h"

#include "common/base/status.h"
#include "server/table/dense_table.h"
#include "server/table/sparse_table.h"

namespace rubato {

std::unique_ptr<Table> MakeTable(const TableSpec& spec, PlaceId place, uint32_t places,
                                 uint64_t seed) {
  CHECK(spec.dim > 0 && place.value() < places);
  if (spec.kind == TableKind::kDense) {
    return std::make_unique<DenseTable>(spec, place, places, seed);
  }
  return std::make_unique<SparseTable>(spec, place, places, seed);
}

}  // namespace rubato
