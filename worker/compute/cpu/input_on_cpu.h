// The input that a network's deep terms read, on the CPU, and the way back from its slope to the
// embeddings (worker/spec/model_spec.h, EmbeddingBag):
//   x[rows, width] = [numeric columns | embedding of each category column | bag of sparse features]
#pragma once

#include <optional>
#include <vector>

#include "worker/compute/cpu/embedding.h"
#include "worker/compute/matrix.h"
#include "worker/spec/batch.h"
#include "worker/spec/feature_keys.h"
#include "worker/spec/model_spec.h"
#include "worker/spec/parameters.h"

namespace rubato {

// One thread; memory is kept from batch to batch.
class InputOnCpu {
 public:
  // `spec` outlives it.
  explicit InputOnCpu(const ModelSpec& spec);

  // From here on the views below are of `batch`, which outlives their use.
  void Gather(const Batch& batch, const Parameters& parameters);

  ConstMatrix x() const { return {x_.data(), rows_, width_}; }
  // Slope of x, as far as it was written since Gather. Null: nobody wants it, as the data has no
  // embeddings. `first`: what is there is to be overwritten, as nobody wrote before.
  struct Slope {
    Matrix matrix;
    bool first = false;
  };
  std::optional<Slope> WriteSlope();
  // Adds what the slope means for the embeddings to their gradients.
  void Scatter(const Batch& batch, Parameters* gradients);

  // Of the embeddings.
  size_t table() const { return bag_->table; }
  size_t dim() const { return bag_->dim; }
  size_t first_column() const { return spec_.data.numeric_columns; }
  size_t bag_column() const { return spec_.bag_column(); }
  CategoryPositions categories() const {
    return {features_.categories(), spec_.data.category_columns};
  }
  // row_begin empty: no sparse features.
  BagPositions bag(const Batch& batch) const {
    return {batch.row_begin, features_.sparse(), batch.values};
  }

 private:
  bool HasSparse() const { return spec_.data.sparse_keys > 0; }

  const ModelSpec& spec_;
  const EmbeddingBag* const bag_;  // null: the data has nothing to embed
  const size_t width_;
  FeatureKeys features_;
  size_t rows_ = 0;
  bool slope_written_ = false;
  std::vector<float> x_;      // [rows, width]
  std::vector<float> slope_;  // the same
};

}  // namespace rubato
