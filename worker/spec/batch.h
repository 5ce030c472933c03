// What data looks like to a model: the shape of its columns, and rows of it gathered for one
// iteration. Files of it are worker/data/dataset/dataset.h's business.
//
// A row has `numeric_columns` floats (cleansed, standardised), `category_columns` level ids in one
// id space over all columns (column k owns [level_begin[k], level_begin[k+1])), and, for LIBSVM
// input, a sparse list of (key, value). Each of the three may be empty.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rubato {

// Row-major, owned by the batch and reused from one iteration to the next.
struct Batch {
  size_t rows = 0;
  size_t numeric_columns = 0;
  size_t category_columns = 0;
  std::vector<float> numeric;        // [rows, numeric_columns]
  std::vector<uint32_t> categories;  // [rows, category_columns] level ids
  std::vector<uint32_t> row_begin;   // [rows + 1] offsets into keys, values; or empty
  std::vector<uint64_t> keys;        // sparse feature keys
  std::vector<float> values;         // and their values
  std::vector<float> labels;         // [rows] see worker/spec/target.h; divided by `scales`
  std::vector<float> weights;        // [rows] class weight, 1 unless asked for
  std::vector<float> offsets;        // [rows] added to the margin; or empty: nothing is
  // [rows] above 0: what a prediction is multiplied by, as the label is learnt divided by it; or
  // empty: 1. A model knows nothing of it.
  std::vector<float> scales;
};

// What the columns are, the same for the three splits of a run.
struct DatasetShape {
  uint64_t numeric_columns = 0;
  uint64_t category_columns = 0;
  uint64_t levels = 0;                // size of the id space of category levels
  uint64_t sparse_keys = 0;           // one past the largest sparse key
  bool offsets = false;               // rows add something to their margin
  bool scales = false;                // rows have a unit of their label
  std::vector<uint64_t> level_begin;  // [category_columns + 1]
  friend bool operator==(const DatasetShape&, const DatasetShape&) = default;
};

}  // namespace rubato
