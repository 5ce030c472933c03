#include "worker/evaluate/known_weights.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"

namespace rubato {

KnownWeights::KnownWeights(const std::vector<TableSpec>& tables, PullRows pull, size_t max_floats)
    : pull_(std::move(pull)), max_floats_(max_floats) {
  for (const TableSpec& table : tables) known_.emplace_back().dim = table.dim;
}

absl::Status KnownWeights::Fill(Parameters* rows) {
  CHECK(rows->size() == known_.size());
  Parameters missing = FindMissing(*rows);
  const bool complete = std::all_of(missing.begin(), missing.end(),
                                    [](const ParameterRows& table) { return table.keys.empty(); });
  if (!complete) {
    ASSIGN_OR_RETURN(const Parameters pulled, pull_(std::move(missing)));
    Remember(pulled);
  }
  for (size_t t = 0; t < known_.size(); ++t) {
    const Known& known = known_[t];
    ParameterRows& table = (*rows)[t];
    table.values.resize(table.keys.size() * known.dim);
    for (size_t i = 0; i < table.keys.size(); ++i) {
      const size_t offset = known.offset.find(table.keys[i])->second;
      std::copy_n(&known.values[offset], known.dim, &table.values[i * known.dim]);
    }
  }
  return absl::OkStatus();
}

Parameters KnownWeights::FindMissing(const Parameters& rows) {
  Parameters missing(rows.size());
  for (size_t t = 0; t < rows.size(); ++t) {
    Known& known = known_[t];
    missing[t].table = rows[t].table;
    for (const RowKey key : rows[t].keys) {
      if (!known.offset.contains(key)) missing[t].keys.push_back(key);
    }
    if (known.values.size() + missing[t].keys.size() * known.dim <= max_floats_) continue;
    if (missing[t].keys.empty()) continue;
    known.offset.clear();
    known.values.clear();
    missing[t].keys = rows[t].keys;
  }
  return missing;
}

void KnownWeights::Remember(const Parameters& pulled) {
  CHECK(pulled.size() == known_.size());
  for (size_t t = 0; t < pulled.size(); ++t) {
    Known& known = known_[t];
    CHECK(pulled[t].values.size() == pulled[t].keys.size() * known.dim);
    for (size_t i = 0; i < pulled[t].keys.size(); ++i) {
      known.offset.emplace(pulled[t].keys[i], known.values.size() + i * known.dim);
    }
    known.values.insert(known.values.end(), pulled[t].values.begin(), pulled[t].values.end());
  }
}

}  // namespace rubato
