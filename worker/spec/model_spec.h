// What a model consists of, whatever computes it: terms, whose sum are a row's margins, one for
// each output of its target, and the tables that hold their weights. The CPU's network
// (worker/compute/cpu/) and the GPU's (worker/compute/cuda/network/) are built from it, servers
// learn of the tables, and nobody has to build a model to know them.
//
//   model.kind   terms                              tables, in this order
//   "linear"     bias, linear                       weights, bias
//   "mlp"        embedding bag, deep                embedding, mlp.L.weight, mlp.L.bias, ...
//   "wide_deep"  embedding bag, deep, linear        the same, wide
//   "deepfm"     the same, factorization machine    the same, fm.weight of several outputs
//
// Sources: "wide_deep" Cheng et al. 2016, "Wide & Deep Learning"; "deepfm" Guo et al. 2017,
// "DeepFM" (numeric columns have no embedding, so no pairs). An embedding bag is there if the data
// has category columns or sparse features, and so is what reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "common/job/table_spec.h"
#include "worker/run_file/run_config.h"
#include "worker/spec/batch.h"
#include "worker/spec/feature_keys.h"
#include "worker/spec/target.h"

namespace rubato {

// One weight for every row: a table of its own, not a reserved key, so that nobody decays it.
//   margin += b
struct BiasTerm {
  size_t table = 0;  // dense, size outputs, without l1 and l2
};

// First order, one weight a feature and output. All there is of a logistic regression but its bias,
// and the wide part of a wide and deep model.
//   margin += sum_k x_k w[k] + sum_c w[N + level_c] + sum_i value_i w[N + levels + key_i]
struct LinearTerm {
  size_t table = 0;  // sparse, dim outputs, first weights zero; numeric column k of N has key k
  FeatureRanges keys;
};

// The input that deep terms read, with a row of `dim` floats per category level and sparse feature:
//   [numeric columns | embedding of each category column | sum of value * embedding]
// One dim for all columns: a column of 2 levels then has more floats than it needs, which costs a
// few multiplications and no accuracy.
struct EmbeddingBag {
  size_t table = 0;  // sparse, dim floats a row
  size_t dim = 0;
  FeatureRanges keys;
};

// Every pair of a row's embeddings: see worker/compute/cpu/fm.h. Several outputs share the
// embeddings: each takes the `dim` parts of the sum by weights of its own (as He and Chua 2017,
// "Neural Factorization Machines", pool them), which one output has no need of.
struct FactorizationMachine {
  std::optional<size_t> table;  // dense [dim, outputs]
};

// Layers of a perceptron over the input; the last one has width `outputs` and is the term.
//   y = relu(x w_l + b_l), no relu after the last
struct DeepTerm {
  size_t first_table = 0;      // dense [in, out] row-major, and behind it the bias, dense [out]
  std::vector<size_t> widths;  // [layers + 1]: input, hidden..., 1

  size_t layers() const { return widths.size() - 1; }
  size_t weight_table(size_t layer) const { return first_table + 2 * layer; }
  size_t bias_table(size_t layer) const { return weight_table(layer) + 1; }
};

using Term = std::variant<BiasTerm, LinearTerm, EmbeddingBag, DeepTerm, FactorizationMachine>;

// A dense table's blocks lie end to end in ParameterRows::values, so that its first `size` floats
// are the matrix itself and nothing is copied; what is behind them is padding.
struct ModelSpec {
  Target target;
  DatasetShape data;
  std::vector<Term> terms;        // in the order in which the margin is summed
  std::vector<TableSpec> tables;  // ids 0, 1, ...: terms name them by that index
  // Added to a margin before it becomes a prediction; training knows nothing of it
  // (worker/spec/prior.h).
  float prediction_shift = 0.0F;

  // Margins of a row, and predictions.
  size_t outputs() const { return OutputsOf(target); }

  // The term of this kind; null: the model has none.
  template <class T>
  const T* Find() const {
    for (const Term& term : terms) {
      if (const T* found = std::get_if<T>(&term)) return found;
    }
    return nullptr;
  }

  // The linear term of a model in which a feature has no other weight; null: it may have.
  const LinearTerm* OnlyLinear() const;

  // The input of the deep terms.
  size_t embedding_dim() const;
  // Its first column with the sum of the sparse features.
  size_t bag_column() const;
  size_t input_width() const;
  // The table of the weights that all rows' margins have: of the bias or the last layer.
  size_t margin_bias() const;
  // The keys of features in a sparse table.
  const FeatureRanges& keys_of(size_t table) const;
};

// `prior`: of the training rows. InvalidArgument: a kind, width or rule that there is not, data
// without features, keys too large to stand behind others.
absl::StatusOr<ModelSpec> MakeModelSpec(const RunConfig& config, const DatasetShape& data,
                                        const Prior& prior = {});

}  // namespace rubato
