#include "worker/spec/model_keys.h"

#include "common/base/status.h"

namespace rubato {

ModelKeys::ModelKeys(const ModelSpec& spec)
    : tables_(spec.tables), numeric_(spec.data.numeric_columns), features_(spec.tables.size()) {
  for (size_t t = 0; t < tables_.size(); ++t) {
    if (tables_[t].kind == TableKind::kSparse) features_[t].emplace(spec.keys_of(t));
  }
}

void ModelKeys::Find(const Batch& batch, Parameters* keys) {
  CHECK(batch.numeric_columns == numeric_);
  ClearRows(tables_, keys);
  for (size_t t = 0; t < tables_.size(); ++t) {
    std::vector<RowKey>& found = (*keys)[t].keys;
    if (!features_[t]) {
      AllBlocks(tables_[t], &(*keys)[t]);
      continue;
    }
    for (uint64_t k = 0; k < features_[t]->ranges().categories; ++k) found.push_back(RowKey(k));
    features_[t]->Find(batch, &found);
  }
}

}  // namespace rubato
