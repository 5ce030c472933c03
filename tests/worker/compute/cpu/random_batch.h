// Small random data for model tests.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/env.h"
#include "worker/spec/batch.h"
#include "worker/spec/parameters.h"

namespace rubato {

struct BatchOptions {
  size_t rows = 7;
  bool same_keys = false;  // every row has level 0 of each column and sparse key 0
};

// A shape with `numeric` numeric columns, category columns of the given numbers of levels, and
// `sparse_keys` sparse features.
inline DatasetShape MakeShape(uint64_t numeric, const std::vector<uint64_t>& levels,
                              uint64_t sparse_keys) {
  DatasetShape shape;
  shape.numeric_columns = numeric;
  shape.category_columns = levels.size();
  shape.sparse_keys = sparse_keys;
  shape.level_begin = {0};
  for (const uint64_t n : levels) shape.level_begin.push_back(shape.level_begin.back() + n);
  shape.levels = shape.level_begin.back();
  return shape;
}

inline void AddSparseRow(const DatasetShape& shape, const BatchOptions& options, Rng* rng,
                         Batch* batch) {
  const uint64_t nonzeros = rng->Below(5);  // some rows are empty
  for (uint64_t i = 0; i < nonzeros; ++i) {
    batch->keys.push_back(options.same_keys ? 0 : rng->Below(shape.sparse_keys));
    batch->values.push_back(static_cast<float>(rng->Normal()));
  }
  batch->row_begin.push_back(static_cast<uint32_t>(batch->keys.size()));
}

inline Batch RandomBatch(const DatasetShape& shape, const BatchOptions& options, Rng* rng) {
  Batch batch;
  batch.rows = options.rows;
  batch.numeric_columns = shape.numeric_columns;
  batch.category_columns = shape.category_columns;
  if (shape.sparse_keys > 0) batch.row_begin.push_back(0);
  for (size_t r = 0; r < options.rows; ++r) {
    for (uint64_t k = 0; k < shape.numeric_columns; ++k) {
      batch.numeric.push_back(static_cast<float>(rng->Normal()));
    }
    for (uint64_t c = 0; c < shape.category_columns; ++c) {
      const uint64_t levels = shape.level_begin[c + 1] - shape.level_begin[c];
      const uint64_t level = options.same_keys ? 0 : rng->Below(levels);
      batch.categories.push_back(static_cast<uint32_t>(shape.level_begin[c] + level));
    }
    if (shape.sparse_keys > 0) AddSparseRow(shape, options, rng, &batch);
    batch.labels.push_back(rng->Chance(0.4) ? 1.0F : 0.0F);
    if (shape.offsets) batch.offsets.push_back(static_cast<float>(rng->Normal()));
    batch.weights.push_back(static_cast<float>(0.5 + rng->Uniform()));
  }
  return batch;
}

// Fills in the values of rows that FindKeys gave, normal with standard deviation `scale`.
inline void RandomValues(const std::vector<TableSpec>& tables, double scale, Rng* rng,
                         Parameters* parameters) {
  for (size_t t = 0; t < tables.size(); ++t) {
    ParameterRows& rows = (*parameters)[t];
    rows.values.resize(rows.keys.size() * tables[t].dim);
    for (float& v : rows.values) v = static_cast<float>(scale * rng->Normal());
  }
}

}  // namespace rubato
