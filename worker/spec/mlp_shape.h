// What a multi-layer perceptron, alone or as the deep part of a larger model, consists of, whatever
// computes it: its tables, its widths, and how a batch becomes keys. The CPU's model (mlp.h) reads
// it; so will a CUDA one.
//
//   input   [numeric columns | embedding of each category column | bag of sparse features]
//   layer l y = relu(x w_l + b_l), no relu after the last, which has width 1
//   margin  "mlp"        y
//           "wide_deep"  y + linear term (Cheng et al. 2016, "Wide & Deep Learning")
//           "deepfm"     y + linear term + factorization machine over the embeddings (Guo et al.
//                        2017, "DeepFM"; numeric columns have no embedding, so no pairs)
//
// Tables, in this order:
//   "embedding"     sparse, dim = model.embedding_dim; key = level id, sparse key k = levels + k.
//                   One dim for all columns: a column of 2 levels then has more floats than it
//                   needs, which costs a few multiplications and no accuracy. Absent without such
//                   columns.
//   "mlp.L.weight"  dense [in, out] row-major, per layer
//   "mlp.L.bias"    dense [out], without l1 and l2
//   "wide"         sparse, dim 1: the linear term's (worker/compute/cpu/linear_term.h); not with
//   "mlp"
// A dense table's blocks lie end to end in ParameterRows::values, so that its first `size` floats
// are the matrix itself and nothing is copied; what is behind them is padding.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "common/job/table_spec.h"
#include "worker/data/dataset/dataset.h"
#include "worker/run_file/run_config.h"

namespace rubato {

struct MlpShape {
  size_t numeric = 0;           // numeric columns
  size_t categories = 0;        // category columns
  bool has_bag = false;         // the data has sparse features
  bool has_wide = false;        // the margin has a linear term
  bool has_fm = false;          // and the pairs of embeddings
  size_t embedding_dim = 0;     // floats per level or sparse feature
  uint64_t levels = 0;          // offset of sparse keys in the embedding table
  uint64_t embedding_keys = 0;  // its key space
  float base_margin = 0.0F;     // first value of the output's bias
  std::vector<size_t> widths;   // [layers + 1]: input, hidden..., 1
  std::vector<TableSpec> tables;

  bool has_embedding() const { return categories > 0 || has_bag; }
  size_t layers() const { return widths.size() - 1; }
  size_t bag_column() const { return numeric + categories * embedding_dim; }
  // Index in `tables`, and in Parameters.
  size_t weight_table(size_t layer) const { return (has_embedding() ? 1 : 0) + 2 * layer; }
  size_t bias_table(size_t layer) const { return weight_table(layer) + 1; }
  size_t wide_table() const { return weight_table(layers()); }
};

absl::StatusOr<MlpShape> MakeMlpShape(const RunConfig& config, const DatasetShape& shape);

}  // namespace rubato
