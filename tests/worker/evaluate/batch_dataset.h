// A data set in memory, for tests of what reads one: without sparse features.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "tests/worker/compute/cpu/random_batch.h"
#include "worker/data/dataset/dataset.h"

namespace rubato {

// One batch that stands for a file.
class BatchDataset : public Dataset {
 public:
  BatchDataset(const DatasetShape& shape, uint64_t rows, Rng* rng)
      : shape_(shape), all_(RandomBatch(shape, {.rows = rows}, rng)) {
    for (uint64_t row = 0; shape.scales && row < rows; ++row) {
      scales_.push_back(static_cast<float>(1.0 + rng->Uniform()));
    }
  }
  explicit BatchDataset(Batch rows) : all_(std::move(rows)) {}

  const DatasetShape& shape() const override { return shape_; }
  uint64_t rows() const override { return all_.rows; }
  std::span<const float> labels() const override { return all_.labels; }
  std::span<const float> weights() const override { return all_.weights; }
  std::span<const float> offsets() const override { return all_.offsets; }
  std::span<const float> scales() const override { return scales_; }
  std::span<const float> oracle() const override { return {}; }
  void Read(std::span<const uint64_t> indices, Batch* out) const override {
    *out = Batch{};
    out->rows = indices.size();
    out->numeric_columns = all_.numeric_columns;
    out->category_columns = all_.category_columns;
    for (const uint64_t i : indices) {
      AddRow(all_.numeric, all_.numeric_columns, i, &out->numeric);
      AddRow(all_.categories, all_.category_columns, i, &out->categories);
      out->labels.push_back(all_.labels[i]);
      if (!scales_.empty()) out->scales.push_back(scales_[i]);
      out->weights.push_back(all_.weights[i]);
      if (!all_.offsets.empty()) out->offsets.push_back(all_.offsets[i]);
    }
  }
  const Batch& all() const { return all_; }

 private:
  template <class T>
  static void AddRow(const std::vector<T>& from, size_t columns, uint64_t row, std::vector<T>* to) {
    for (size_t k = 0; k < columns; ++k) to->push_back(from[row * columns + k]);
  }

  const DatasetShape shape_ = {};
  const Batch all_;
  std::vector<float> scales_;
};

}  // namespace rubato
