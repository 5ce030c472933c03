#include "worker/spec/model_spec.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_join.h"
#include "common/base/status.h"

namespace rubato {
namespace {

constexpr int64_t kMaxWidth = 1 << 16;

// First weights of embeddings: uniform in [-0.05, 0.05], as Keras' Embedding has them.
constexpr float kEmbeddingScale = 0.05F;

absl::StatusOr<OptimizerSpec> ToOptimizerSpec(const OptimizerConfig& config) {
  const UpdateRule* const rule = FindRule(config.kind);
  if (rule == nullptr) {
    return absl::InvalidArgumentError(absl::StrFormat("optimizer.kind is not one of \"%s\": \"%s\"",
                                                      absl::StrJoin(RuleNames(), "\", \""),
                                                      config.kind));
  }
  return OptimizerSpec{Rounded(config), rule->kind};
}

// For biases: nothing draws them towards zero.
OptimizerSpec WithoutPenalty(OptimizerSpec spec) {
  spec.l1 = 0.0F;
  spec.l2 = 0.0F;
  return spec;
}

// Bound of the uniform distribution that a layer's weights begin with. Before a relu: variance
// 2 / in, so that the signal neither grows nor fades with depth (He et al. 2015, eq. 10). Before
// the output: variance 2 / (in + out) (Glorot and Bengio 2010, eq. 16). Uniform in [-a, a]
// has variance a^2 / 3.
float WeightScale(size_t in, size_t out, bool last) {
  const double variance =
      last ? 2.0 / static_cast<double>(in + out) : 2.0 / static_cast<double>(in);
  return static_cast<float>(std::sqrt(3.0 * variance));
}

absl::Status CheckWidth(const char* key, int64_t width) {
  if (width >= 1 && width <= kMaxWidth) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(key, " is not between 1 and ", kMaxWidth, ": ", width));
}

absl::Status CheckLayers(const std::vector<size_t>& widths) {
  for (size_t l = 0; l + 1 < widths.size(); ++l) {
    const uint64_t weights = uint64_t{widths[l]} * widths[l + 1];
    if (weights <= kMaxDenseFloats) continue;
    return absl::InvalidArgumentError(absl::StrFormat(
        "layer %d of the model has %d inputs and %d outputs, and a layer holds at most %d weights; "
        "use smaller widths in model.hidden, a smaller model.embedding_dim, or fewer columns",
        l + 1, widths[l], widths[l + 1], kMaxDenseFloats));
  }
  return absl::OkStatus();
}

// Adds terms, and with each the tables that it needs.
class SpecBuilder {
 public:
  // `spec`: without terms.
  SpecBuilder(const RunConfig& config, const OptimizerSpec& optimizer, const Prior& prior,
              ModelSpec spec)
      : config_(config),
        optimizer_(optimizer),
        base_margin_(static_cast<float>(prior.base_margin)),
        spec_(std::move(spec)) {}

  void AddBias();
  absl::Status AddLinear(std::string table);
  absl::Status AddEmbeddingBag();
  absl::Status AddDeep();
  void AddFactorizationMachine();
  ModelSpec Take() && { return std::move(spec_); }

 private:
  // Index of a new table with the run's rule and bound.
  size_t AddTable(std::string name, TableKind kind);
  size_t AddDense(std::string name, uint64_t size);
  // The features' keys behind `reserved` others.
  absl::StatusOr<FeatureRanges> Keys(uint64_t reserved) const;

  const RunConfig& config_;
  const OptimizerSpec optimizer_;
  const float base_margin_;
  ModelSpec spec_;
};

size_t SpecBuilder::AddTable(std::string name, TableKind kind) {
  const size_t index = spec_.tables.size();
  TableSpec& table = spec_.tables.emplace_back();
  table.id = TableId(static_cast<uint32_t>(index));
  table.name = std::move(name);
  table.kind = kind;
  table.optimizer = optimizer_;
  table.staleness = config_.train.staleness;
  return index;
}

size_t SpecBuilder::AddDense(std::string name, uint64_t size) {
  const size_t index = AddTable(std::move(name), TableKind::kDense);
  spec_.tables[index].size = size;
  spec_.tables[index].dim = static_cast<uint32_t>(std::min<uint64_t>(kBlockFloats, size));
  return index;
}

absl::StatusOr<FeatureRanges> SpecBuilder::Keys(uint64_t reserved) const {
  const DatasetShape& data = spec_.data;
  if (data.numeric_columns + data.levels + data.sparse_keys == 0) {
    return absl::InvalidArgumentError(
        "the prepared data has no feature columns: drop fewer of them (data.drop)");
  }
  const uint64_t dense = reserved + data.levels;
  if (data.sparse_keys > std::numeric_limits<uint64_t>::max() - dense) {
    return absl::InvalidArgumentError(
        absl::StrCat("a sparse feature key is too large to be shifted behind ", dense,
                     " other features: number the features of the file from 1"));
  }
  return FeatureRanges{.categories = reserved, .sparse = dense, .end = dense + data.sparse_keys};
}

void SpecBuilder::AddBias() {
  const size_t table = AddDense("bias", spec_.outputs());
  spec_.tables[table].initializer = {InitializerKind::kConstant, base_margin_};
  spec_.tables[table].optimizer = WithoutPenalty(optimizer_);
  spec_.terms.insert(spec_.terms.begin(), BiasTerm{table});  // a margin begins with it
}

absl::Status SpecBuilder::AddLinear(std::string name) {
  ASSIGN_OR_RETURN(const FeatureRanges keys, Keys(spec_.data.numeric_columns));
  const size_t table = AddTable(std::move(name), TableKind::kSparse);
  spec_.tables[table].dim = static_cast<uint32_t>(spec_.outputs());
  spec_.terms.emplace_back(LinearTerm{table, keys});
  return absl::OkStatus();
}

absl::Status SpecBuilder::AddEmbeddingBag() {
  RETURN_IF_ERROR(CheckWidth("model.embedding_dim", config_.model.embedding_dim));
  ASSIGN_OR_RETURN(const FeatureRanges keys, Keys(0));
  if (keys.end == 0) return absl::OkStatus();
  const auto dim = static_cast<size_t>(config_.model.embedding_dim);
  const size_t table = AddTable("embedding", TableKind::kSparse);
  spec_.tables[table].dim = static_cast<uint32_t>(dim);
  spec_.tables[table].initializer = {InitializerKind::kUniform, kEmbeddingScale};
  spec_.terms.emplace_back(EmbeddingBag{.table = table, .dim = dim, .keys = keys});
  return absl::OkStatus();
}

absl::Status SpecBuilder::AddDeep() {
  DeepTerm deep{.first_table = spec_.tables.size(), .widths = {spec_.input_width()}};
  for (const int64_t width : config_.model.hidden) {
    RETURN_IF_ERROR(CheckWidth("a width in model.hidden", width));
    deep.widths.push_back(static_cast<size_t>(width));
  }
  deep.widths.push_back(spec_.outputs());
  RETURN_IF_ERROR(CheckLayers(deep.widths));
  for (size_t l = 0; l < deep.layers(); ++l) {
    const size_t in = deep.widths[l];
    const size_t out = deep.widths[l + 1];
    const bool last = l + 1 == deep.layers();
    TableSpec& weight = spec_.tables[AddDense(absl::StrCat("mlp.", l, ".weight"), in * out)];
    weight.initializer = {InitializerKind::kUniform, WeightScale(in, out, last)};
    TableSpec& bias = spec_.tables[AddDense(absl::StrCat("mlp.", l, ".bias"), out)];
    bias.optimizer = WithoutPenalty(optimizer_);
    if (last) bias.initializer = {InitializerKind::kConstant, base_margin_};
  }
  spec_.terms.emplace_back(std::move(deep));
  return absl::OkStatus();
}

void SpecBuilder::AddFactorizationMachine() {
  const auto* const bag = spec_.Find<EmbeddingBag>();
  if (bag == nullptr) return;
  FactorizationMachine fm;
  if (spec_.outputs() > 1) {
    const size_t dim = bag->dim;
    fm.table = AddDense("fm.weight", dim * spec_.outputs());
    const float scale = WeightScale(dim, spec_.outputs(), true);
    spec_.tables[*fm.table].initializer = {InitializerKind::kUniform, scale};
  }
  spec_.terms.emplace_back(fm);
}

}  // namespace

const LinearTerm* ModelSpec::OnlyLinear() const {
  const bool only = std::all_of(terms.begin(), terms.end(), [](const Term& term) {
    return std::holds_alternative<BiasTerm>(term) || std::holds_alternative<LinearTerm>(term);
  });
  return only ? Find<LinearTerm>() : nullptr;
}

size_t ModelSpec::embedding_dim() const {
  const auto* const bag = Find<EmbeddingBag>();
  return bag == nullptr ? 0 : bag->dim;
}

size_t ModelSpec::bag_column() const {
  return data.numeric_columns + data.category_columns * embedding_dim();
}

size_t ModelSpec::input_width() const {
  return bag_column() + (data.sparse_keys > 0 ? embedding_dim() : 0);
}

size_t ModelSpec::margin_bias() const {
  if (const auto* const deep = Find<DeepTerm>()) return deep->bias_table(deep->layers() - 1);
  const auto* const bias = Find<BiasTerm>();
  CHECK(bias != nullptr, "a model without a bias");
  return bias->table;
}

const FeatureRanges& ModelSpec::keys_of(size_t table) const {
  const auto* const linear = Find<LinearTerm>();
  if (linear != nullptr && linear->table == table) return linear->keys;
  const auto* const bag = Find<EmbeddingBag>();
  CHECK(bag != nullptr && bag->table == table, "a table without features");
  return bag->keys;
}

absl::StatusOr<ModelSpec> MakeModelSpec(const RunConfig& config, const DatasetShape& data,
                                        const Prior& prior) {
  const std::string& kind = config.model.kind;
  ASSIGN_OR_RETURN(const OptimizerSpec optimizer, ToOptimizerSpec(config.optimizer));
  ModelSpec spec;
  ASSIGN_OR_RETURN(const Target target, MakeTarget(config.target));
  spec.target = Fitted(target, prior);
  spec.data = data;
  spec.prediction_shift = static_cast<float>(prior.shift);
  SpecBuilder model(config, optimizer, prior, std::move(spec));
  if (kind == "linear") {
    RETURN_IF_ERROR(model.AddLinear("weights"));
    model.AddBias();
  } else if (kind == "mlp" || kind == "wide_deep" || kind == "deepfm") {
    RETURN_IF_ERROR(model.AddEmbeddingBag());
    RETURN_IF_ERROR(model.AddDeep());
    if (kind != "mlp") RETURN_IF_ERROR(model.AddLinear("wide"));
    if (kind == "deepfm") model.AddFactorizationMachine();
  } else {
    return absl::InvalidArgumentError(absl::StrCat(
        "model.kind is not one of \"linear\", \"mlp\", \"wide_deep\", \"deepfm\": \"", kind, "\""));
  }
  return std::move(model).Take();
}

}  // namespace rubato
