// A data set in memory, for tests of what reads one: a random batch over one category column.
#pragma once

#include <cstdint>
#include <span>

#include "tests/worker/compute/cpu/random_batch.h"
#include "worker/data/dataset/dataset.h"

namespace rubato {

// One batch that stands for a file.
class BatchDataset : public Dataset {
 public:
  BatchDataset(const DatasetShape& shape, uint64_t rows, Rng* rng)
      : shape_(shape), all_(RandomBatch(shape, {.rows = rows}, rng)) {}

  const DatasetShape& shape() const override { return shape_; }
  uint64_t rows() const override { return all_.rows; }
  std::span<const float> labels() const override { return all_.labels; }
  std::span<const float> weights() const override { return all_.weights; }
  std::span<const float> offsets() const override { return all_.offsets; }
  std::span<const float> oracle() const override { return {}; }
  void Read(std::span<const uint64_t> indices, Batch* out) const override {
    *out = Batch{};
    out->rows = indices.size();
    out->category_columns = 1;
    for (const uint64_t i : indices) {
      out->categories.push_back(all_.categories[i]);
      out->labels.push_back(all_.labels[i]);
      out->weights.push_back(all_.weights[i]);
    }
  }
  const Batch& all() const { return all_; }

 private:
  const DatasetShape shape_;
  const Batch all_;
};

}  // namespace rubato
