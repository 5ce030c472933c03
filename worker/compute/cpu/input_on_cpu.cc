#include "worker/compute/cpu/input_on_cpu.h"

#include <algorithm>

#include "common/base/status.h"

namespace rubato {
namespace {

ConstMatrix WeightsOf(const ParameterRows& rows, size_t dim) {
  return {rows.values.data(), rows.keys.size(), dim};
}

std::optional<EmbeddingBag> BagOf(const ModelSpec& spec) {
  const auto* const bag = spec.Find<EmbeddingBag>();
  return bag == nullptr ? std::nullopt : std::optional(*bag);
}

}  // namespace

InputOnCpu::InputOnCpu(const ModelSpec& spec)
    : numeric_(spec.data.numeric_columns),
      category_columns_(spec.data.category_columns),
      sparse_(spec.data.sparse_keys > 0),
      bag_column_(spec.bag_column()),
      width_(spec.input_width()),
      bag_(BagOf(spec)),
      features_(bag_ ? bag_->keys : FeatureRanges{}) {}

void InputOnCpu::Gather(const Batch& batch, const Parameters& parameters) {
  CHECK(batch.numeric_columns == numeric_ && batch.category_columns == category_columns_);
  CHECK(!sparse_ || batch.row_begin.size() == batch.rows + 1);
  rows_ = batch.rows;
  slope_written_ = false;
  x_.resize(rows_ * width_);
  const Matrix x{x_.data(), rows_, width_};
  for (size_t r = 0; r < rows_; ++r) {
    std::copy_n(batch.numeric.data() + r * numeric_, numeric_, x.data + r * width_);
  }
  if (!bag_) return;
  const ParameterRows& embeddings = parameters[bag_->table];
  features_.Locate(batch, embeddings.keys);
  const ConstMatrix weights = WeightsOf(embeddings, bag_->dim);
  GatherCategories(categories(), weights, numeric_, x);
  if (sparse_) GatherBag(bag(batch), weights, bag_column_, x);
}

std::optional<InputOnCpu::Slope> InputOnCpu::WriteSlope() {
  if (!bag_) return std::nullopt;
  slope_.resize(rows_ * width_);
  const bool first = !slope_written_;
  slope_written_ = true;
  return Slope{.matrix = {slope_.data(), rows_, width_}, .first = first};
}

void InputOnCpu::Scatter(const Batch& batch, Parameters* gradients) {
  if (!bag_ || !slope_written_) return;
  ParameterRows& rows = (*gradients)[bag_->table];
  const ConstMatrix slope{slope_.data(), rows_, width_};
  const Matrix d_weights{rows.values.data(), rows.keys.size(), bag_->dim};
  ScatterCategories(categories(), slope, numeric_, d_weights);
  if (sparse_) ScatterBag(bag(batch), slope, bag_column_, d_weights);
}

}  // namespace rubato
