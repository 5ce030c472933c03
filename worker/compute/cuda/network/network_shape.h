// What a model consists of on a GPU, one form for all kinds:
//
//   margin = deep part (gathered input, hidden layers, output of width 1)   all but "logistic"
//          + factorization machine over the embeddings                      "deepfm"
//          + linear term (with the bias, if there is no deep part)          all but "mlp"
//
// Pure arithmetic over the run file and the data's shape, without a device. Tables, keys and first
// weights are those of the CPU's models (worker/spec/mlp_shape.h, logistic.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "common/job/table_spec.h"
#include "worker/compute/cuda/kernels/features.h"
#include "worker/compute/cuda/network/batch_layout.h"
#include "worker/data/dataset/dataset.h"
#include "worker/run_file/run_config.h"
#include "worker/spec/feature_keys.h"

namespace rubato {

struct NetworkShape {
  std::vector<TableSpec> tables;
  uint32_t numeric = 0;  // numeric columns
  uint32_t columns = 0;  // category columns
  bool has_sparse = false;
  // Keys of features: levels from 0 on, sparse ones behind. In the embedding table they stand as
  // they are, in the linear term's behind its `numeric` first rows.
  FeatureRanges ranges;
  bool has_fm = false;
  InputLayout input;             // of the deep part
  std::vector<uint32_t> widths;  // [layers + 1]: input, hidden..., 1; empty: no deep part
  // Indices in `tables`.
  std::optional<size_t> embedding;
  size_t first_layer = 0;  // weight of layer l: first_layer + 2 l, its bias behind it
  std::optional<size_t> wide;
  size_t bias = 0;  // the margin's: of the last layer, or logistic regression's own

  bool has_features() const { return columns > 0 || has_sparse; }
  size_t layers() const { return widths.empty() ? 0 : widths.size() - 1; }
  size_t weight_table(size_t layer) const { return first_layer + 2 * layer; }
  size_t bias_table(size_t layer) const { return weight_table(layer) + 1; }
  bool IsDense(size_t table) const { return tables[table].kind == TableKind::kDense; }
  // Rows of table `table` that `keys` distinct features need.
  size_t Rows(size_t table, size_t keys) const;
  // Key of the first feature of a sparse table.
  uint64_t FirstKey(size_t table) const { return table == wide ? numeric : 0; }

  BatchShape Batch(uint32_t rows, uint32_t sparse) const {
    return {.counts = {.rows = rows, .columns = columns, .sparse = sparse},
            .numeric = numeric,
            .has_sparse = has_sparse};
  }
};

// InvalidArgument: what MakeModel refuses, or more columns than kernels can count.
absl::StatusOr<NetworkShape> MakeNetworkShape(const RunConfig& config, const DatasetShape& shape);

}  // namespace rubato
