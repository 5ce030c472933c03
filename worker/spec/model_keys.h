// Which rows of which tables of a model a batch needs: a function of its spec, whatever computes
// it.
#pragma once

#include <optional>
#include <vector>

#include "worker/spec/batch.h"
#include "worker/spec/feature_keys.h"
#include "worker/spec/model_spec.h"
#include "worker/spec/parameters.h"

namespace rubato {

// One thread: it keeps scratch memory from call to call.
class ModelKeys {
 public:
  explicit ModelKeys(const ModelSpec& spec);

  // One entry per table, in order, keys ascending and distinct, values left empty: of a dense table
  // all blocks, of a sparse one what stands before the features' keys, and those of the features.
  void Find(const Batch& batch, Parameters* keys);

 private:
  std::vector<TableSpec> tables_;
  size_t numeric_;                                    // columns of the data
  std::vector<std::optional<FeatureKeys>> features_;  // by table; of sparse ones
};

}  // namespace rubato
