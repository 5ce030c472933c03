#include "worker/compute/cuda/network/network_shape.h"

#include <utility>

#include "common/base/status.h"

namespace rubato {
namespace {

// So that rows * columns, and numbers of occurrences, fit in 31 bits for every legal train.batch.
constexpr uint64_t kMaxCategoryColumns = 2047;

}  // namespace

size_t NetworkShape::Rows(size_t table, size_t keys) const {
  if (IsDense(table)) return model.tables[table].blocks();
  return FirstKey(table) + keys;
}

absl::StatusOr<NetworkShape> MakeNetworkShape(ModelSpec model) {
  const DatasetShape& data = model.data;
  if (data.category_columns > kMaxCategoryColumns) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "the data has %d category columns, and a GPU takes %d; drop some (data.drop)",
        data.category_columns, kMaxCategoryColumns));
  }
  return NetworkShape{std::move(model)};
}

}  // namespace rubato
