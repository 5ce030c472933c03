#include "worker/spec/parameter_rows.h"

#include <algorithm>
#include <limits>

#include "common/base/status.h"

namespace rubato {
namespace {

absl::StatusOr<OptimizerKind> ToOptimizerKind(const std::string& kind) {
  if (kind == "sgd") return OptimizerKind::kSgd;
  if (kind == "momentum") return OptimizerKind::kMomentum;
  if (kind == "adagrad") return OptimizerKind::kAdagrad;
  if (kind == "adam") return OptimizerKind::kAdam;
  if (kind == "ftrl") return OptimizerKind::kFtrl;
  return absl::InvalidArgumentError(absl::StrCat(
      "optimizer.kind is not one of \"sgd\", \"momentum\", \"adagrad\", \"adam\", \"ftrl\": \"",
      kind, "\""));
}

}  // namespace

void ClearRows(const std::vector<TableSpec>& tables, Parameters* rows) {
  rows->resize(tables.size());
  for (size_t t = 0; t < tables.size(); ++t) {
    (*rows)[t].table = tables[t].id;
    (*rows)[t].keys.clear();
    (*rows)[t].values.clear();
  }
}

void AllBlocks(const TableSpec& table, ParameterRows* rows) {
  const uint64_t blocks = table.blocks();
  rows->keys.resize(blocks);
  for (uint64_t b = 0; b < blocks; ++b) rows->keys[b] = RowKey(b);
}

void ShapeGradients(const std::vector<TableSpec>& tables, const Parameters& parameters,
                    Parameters* gradients) {
  gradients->resize(parameters.size());
  for (size_t t = 0; t < parameters.size(); ++t) {
    ParameterRows& out = (*gradients)[t];
    out.table = parameters[t].table;
    out.keys = parameters[t].keys;
    out.values.resize(parameters[t].values.size());
    const bool sparse = tables[t].kind == TableKind::kSparse;
    const auto first = sparse ? out.values.begin()
                              : out.values.begin() + static_cast<std::ptrdiff_t>(tables[t].size);
    std::fill(first, out.values.end(), 0.0F);
  }
}

void CheckParameters(const std::vector<TableSpec>& tables, const Parameters& parameters) {
  CHECK(parameters.size() == tables.size());
  for (size_t t = 0; t < tables.size(); ++t) {
    const ParameterRows& rows = parameters[t];
    CHECK(rows.table == tables[t].id);
    CHECK(rows.values.size() == rows.keys.size() * tables[t].dim, tables[t].name);
    CHECK(tables[t].kind == TableKind::kSparse || rows.keys.size() == tables[t].blocks(),
          tables[t].name);
  }
}

absl::StatusOr<uint64_t> KeySpace(uint64_t reserved, const DatasetShape& shape) {
  if (shape.numeric_columns + shape.levels + shape.sparse_keys == 0) {
    return absl::InvalidArgumentError(
        "the prepared data has no feature columns: drop fewer of them (data.drop)");
  }
  const uint64_t dense = reserved + shape.levels;
  if (shape.sparse_keys > std::numeric_limits<uint64_t>::max() - dense) {
    return absl::InvalidArgumentError(
        absl::StrCat("a sparse feature key is too large to be shifted behind ", dense,
                     " other features: number the features of the file from 1"));
  }
  return dense + shape.sparse_keys;
}

absl::StatusOr<OptimizerSpec> ToOptimizerSpec(const OptimizerConfig& config) {
  OptimizerSpec spec;
  ASSIGN_OR_RETURN(spec.kind, ToOptimizerKind(config.kind));
  spec.learning_rate = static_cast<float>(config.learning_rate);
  spec.l1 = static_cast<float>(config.l1);
  spec.l2 = static_cast<float>(config.l2);
  spec.momentum = static_cast<float>(config.momentum);
  spec.beta1 = static_cast<float>(config.beta1);
  spec.beta2 = static_cast<float>(config.beta2);
  spec.epsilon = static_cast<float>(config.epsilon);
  return spec;
}

OptimizerSpec WithoutPenalty(OptimizerSpec spec) {
  spec.l1 = 0.0F;
  spec.l2 = 0.0F;
  return spec;
}

}  // namespace rubato
