// What a GPU wants to know of a model (worker/spec/model_spec.h). It holds the spec and nothing of
// it a second time; kernels count in 32 bits, and numbers are made that narrow here and nowhere
// else.
//
//   margins = deep part (gathered input, hidden layers, last layer), if the model has one
//           + factorization machine over the embeddings, if it has one
//           + linear term (with the bias, if there is no deep part), if it has one
//
// Pure arithmetic, without a device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/status.h"
#include "worker/compute/cuda/kernels/features.h"
#include "worker/compute/cuda/network/batch_layout.h"
#include "worker/spec/feature_keys.h"
#include "worker/spec/model_spec.h"

namespace rubato {

struct NetworkShape {
  ModelSpec model;  // from MakeNetworkShape

  uint32_t numeric() const { return Count(model.data.numeric_columns); }
  // Margins of a row.
  uint32_t outputs() const { return Count(model.outputs()); }
  uint32_t columns() const { return Count(model.data.category_columns); }
  // Keys of features: levels from 0 on, sparse ones behind. In a linear term's table they stand
  // behind its numeric rows.
  FeatureRanges ranges() const {
    const uint64_t levels = model.data.levels;
    return {.categories = 0, .sparse = levels, .end = levels + model.data.sparse_keys};
  }
  // Of the deep part.
  InputLayout input() const {
    return {.numeric = numeric(),
            .dim = Count(model.embedding_dim()),
            .bag = Count(model.bag_column()),
            .width = Count(model.input_width())};
  }

  const std::vector<TableSpec>& tables() const { return model.tables; }
  bool has_features() const { return columns() > 0 || has_sparse(); }
  bool has_sparse() const { return model.data.sparse_keys > 0; }
  bool IsDense(size_t table) const { return model.tables[table].kind == TableKind::kDense; }
  // Rows of table `table` that `keys` distinct features need.
  size_t Rows(size_t table, size_t keys) const;
  // Key of the first feature of a sparse table.
  uint64_t FirstKey(size_t table) const { return model.keys_of(table).categories; }

  BatchShape Batch(uint32_t rows, uint32_t sparse) const {
    return {.counts = {.rows = rows, .columns = columns(), .sparse = sparse},
            .numeric = numeric(),
            .has_sparse = has_sparse(),
            .has_offsets = model.data.offsets};
  }

 private:
  static uint32_t Count(uint64_t number) {
    CHECK(number <= std::numeric_limits<uint32_t>::max(), "more than a kernel can count");
    return static_cast<uint32_t>(number);
  }
};

// InvalidArgument: more columns than kernels can count.
absl::StatusOr<NetworkShape> MakeNetworkShape(ModelSpec model);

}  // namespace rubato
