#include "worker/compute/cuda/network/network_shape.h"

#include "common/base/status.h"
#include "worker/compute/model.h"
#include "worker/spec/mlp_shape.h"

namespace rubato {
namespace {

// So that rows * columns, and numbers of occurrences, fit in 31 bits for every legal train.batch.
constexpr uint64_t kMaxColumns = 2047;

void AddDeep(const MlpShape& mlp, NetworkShape* network) {
  for (const size_t width : mlp.widths) network->widths.push_back(static_cast<uint32_t>(width));
  network->has_fm = mlp.has_fm;
  network->input = {.numeric = network->numeric,
                    .dim = static_cast<uint32_t>(mlp.embedding_dim),
                    .bag = static_cast<uint32_t>(mlp.bag_column()),
                    .width = network->widths[0]};
  if (mlp.has_embedding()) network->embedding = 0;
  network->first_layer = mlp.weight_table(0);
  if (mlp.has_wide) network->wide = mlp.wide_table();
  network->bias = mlp.bias_table(mlp.layers() - 1);
}

}  // namespace

size_t NetworkShape::Rows(size_t table, size_t keys) const {
  if (IsDense(table)) return tables[table].blocks();
  return FirstKey(table) + keys;
}

absl::StatusOr<NetworkShape> MakeNetworkShape(const RunConfig& config, const DatasetShape& shape) {
  if (shape.category_columns > kMaxColumns) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "the data has %d category columns, and a GPU takes %d; drop some (data.drop)",
        shape.category_columns, kMaxColumns));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Model> on_cpu, MakeModel(config, shape));
  NetworkShape network;
  network.tables = on_cpu->tables();
  network.numeric = static_cast<uint32_t>(shape.numeric_columns);
  network.columns = static_cast<uint32_t>(shape.category_columns);
  network.has_sparse = shape.sparse_keys > 0;
  network.ranges = {
      .categories = 0, .sparse = shape.levels, .end = shape.levels + shape.sparse_keys};
  if (config.model.kind == "logistic") {
    network.wide = 0;
    network.bias = 1;
    return network;
  }
  ASSIGN_OR_RETURN(const MlpShape mlp, MakeMlpShape(config, shape));
  AddDeep(mlp, &network);
  return network;
}

}  // namespace rubato
