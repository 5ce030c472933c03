// What a GPU wants to know of a model (worker/spec/model_spec.h), in the numbers that kernels count
// with:
//
//   margin = deep part (gathered input, hidden layers, output of width 1), if the model has one
//          + factorization machine over the embeddings, if it has one
//          + linear term (with the bias, if there is no deep part), if it has one
//
// Pure arithmetic, without a device.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "worker/compute/cuda/kernels/features.h"
#include "worker/compute/cuda/network/batch_layout.h"
#include "worker/spec/feature_keys.h"
#include "worker/spec/model_spec.h"

namespace rubato {

struct NetworkShape {
  ModelSpec model;
  uint32_t numeric = 0;  // numeric columns
  uint32_t columns = 0;  // category columns
  // Keys of features: levels from 0 on, sparse ones behind. In a linear term's table they stand
  // behind its numeric rows.
  FeatureRanges ranges;
  InputLayout input;  // of the deep part

  const std::vector<TableSpec>& tables() const { return model.tables; }
  bool has_features() const { return columns > 0 || has_sparse(); }
  bool has_sparse() const { return model.data.sparse_keys > 0; }
  bool IsDense(size_t table) const { return model.tables[table].kind == TableKind::kDense; }
  // Rows of table `table` that `keys` distinct features need.
  size_t Rows(size_t table, size_t keys) const;
  // Key of the first feature of a sparse table.
  uint64_t FirstKey(size_t table) const { return model.keys_of(table).categories; }

  BatchShape Batch(uint32_t rows, uint32_t sparse) const {
    return {.counts = {.rows = rows, .columns = columns, .sparse = sparse},
            .numeric = numeric,
            .has_sparse = has_sparse()};
  }
};

// InvalidArgument: more columns than kernels can count.
absl::StatusOr<NetworkShape> MakeNetworkShape(ModelSpec model);

}  // namespace rubato
