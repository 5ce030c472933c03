#include "worker/spec/mlp_shape.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "common/base/status.h"
#include "worker/compute/cpu/linear_term.h"
#include "worker/spec/parameter_rows.h"

namespace rubato {
namespace {

constexpr int64_t kMaxWidth = 1 << 16;

// First weights of embeddings: uniform in [-0.05, 0.05], as Keras' Embedding has them.
constexpr float kEmbeddingScale = 0.05F;

// Bound of the uniform distribution that a layer's weights begin with. Before a relu: variance
// 2 / in, so that the signal neither grows nor fades with depth (He et al. 2015, eq. 10). Before
// the output: variance 2 / (in + out) (Glorot and Bengio 2010, eq. 16). Uniform in [-a, a]: a^2
// / 3.
float WeightScale(size_t in, size_t out, bool last) {
  const double variance =
      last ? 2.0 / static_cast<double>(in + out) : 2.0 / static_cast<double>(in);
  return static_cast<float>(std::sqrt(3.0 * variance));
}

TableSpec DenseTable(std::string name, uint64_t size) {
  TableSpec table;
  table.name = std::move(name);
  table.kind = TableKind::kDense;
  table.size = size;
  table.dim = static_cast<uint32_t>(std::min<uint64_t>(kBlockFloats, size));
  return table;
}

TableSpec EmbeddingTable(size_t dim) {
  TableSpec table;
  table.name = "embedding";
  table.kind = TableKind::kSparse;
  table.dim = static_cast<uint32_t>(dim);
  table.initializer = {InitializerKind::kUniform, kEmbeddingScale};
  return table;
}

void AddLayers(const OptimizerSpec& optimizer, MlpShape* mlp) {
  for (size_t l = 0; l < mlp->layers(); ++l) {
    const size_t in = mlp->widths[l];
    const size_t out = mlp->widths[l + 1];
    const bool last = l + 1 == mlp->layers();
    TableSpec& weight =
        mlp->tables.emplace_back(DenseTable(absl::StrCat("mlp.", l, ".weight"), in * out));
    weight.optimizer = optimizer;
    weight.initializer = {InitializerKind::kUniform, WeightScale(in, out, last)};
    TableSpec& bias = mlp->tables.emplace_back(DenseTable(absl::StrCat("mlp.", l, ".bias"), out));
    bias.optimizer = WithoutPenalty(optimizer);
    if (last) bias.initializer = {InitializerKind::kConstant, mlp->base_margin};
  }
}

void AddTables(const OptimizerSpec& optimizer, Staleness staleness, MlpShape* mlp) {
  std::vector<TableSpec>& tables = mlp->tables;
  if (mlp->has_embedding()) tables.push_back(EmbeddingTable(mlp->embedding_dim));
  for (TableSpec& table : tables) table.optimizer = optimizer;
  AddLayers(optimizer, mlp);
  if (mlp->has_wide) tables.push_back(LinearTermTable("wide", optimizer));
  for (size_t t = 0; t < tables.size(); ++t) {
    tables[t].id = TableId(static_cast<uint32_t>(t));
    tables[t].staleness = staleness;
  }
}

absl::Status CheckWidth(const char* key, int64_t width) {
  if (width >= 1 && width <= kMaxWidth) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(key, " is not between 1 and ", kMaxWidth, ": ", width));
}

absl::Status CheckLayers(const MlpShape& mlp) {
  for (size_t l = 0; l < mlp.layers(); ++l) {
    const uint64_t weights = uint64_t{mlp.widths[l]} * mlp.widths[l + 1];
    if (weights <= kMaxDenseFloats) continue;
    return absl::InvalidArgumentError(absl::StrFormat(
        "layer %d of the model has %d inputs and %d outputs, and a layer holds at most %d weights; "
        "use smaller widths in model.hidden, a smaller model.embedding_dim, or fewer columns",
        l + 1, mlp.widths[l], mlp.widths[l + 1], kMaxDenseFloats));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<MlpShape> MakeMlpShape(const RunConfig& config, const DatasetShape& shape) {
  for (const int64_t width : config.model.hidden) {
    RETURN_IF_ERROR(CheckWidth("a width in model.hidden", width));
  }
  RETURN_IF_ERROR(CheckWidth("model.embedding_dim", config.model.embedding_dim));
  ASSIGN_OR_RETURN(const OptimizerSpec optimizer, ToOptimizerSpec(config.optimizer));
  MlpShape mlp;
  ASSIGN_OR_RETURN(mlp.embedding_keys, KeySpace(0, shape));
  mlp.numeric = shape.numeric_columns;
  mlp.categories = shape.category_columns;
  mlp.has_bag = shape.sparse_keys > 0;
  mlp.has_wide = config.model.kind != "mlp";
  mlp.has_fm = config.model.kind == "deepfm" && mlp.has_embedding();
  mlp.embedding_dim = static_cast<size_t>(config.model.embedding_dim);
  mlp.levels = shape.levels;
  mlp.base_margin = shape.base_margin;
  mlp.widths.push_back(mlp.bag_column() + (mlp.has_bag ? mlp.embedding_dim : 0));
  for (const int64_t width : config.model.hidden) mlp.widths.push_back(static_cast<size_t>(width));
  mlp.widths.push_back(1);
  RETURN_IF_ERROR(CheckLayers(mlp));
  AddTables(optimizer, config.train.staleness, &mlp);
  return mlp;
}

}  // namespace rubato
