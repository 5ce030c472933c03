#include "worker/compute/cpu/input_on_cpu.h"

#include <algorithm>

#include "common/base/status.h"

namespace rubato {
namespace {

ConstMatrix WeightsOf(const ParameterRows& rows, size_t dim) {
  return {rows.values.data(), rows.keys.size(), dim};
}

}  // namespace

InputOnCpu::InputOnCpu(const ModelSpec& spec)
    : spec_(spec),
      bag_(spec.Find<EmbeddingBag>()),
      width_(spec.input_width()),
      features_(bag_ != nullptr ? bag_->keys : FeatureRanges{}) {}

void InputOnCpu::Gather(const Batch& batch, const Parameters& parameters) {
  const size_t numeric = spec_.data.numeric_columns;
  CHECK(batch.numeric_columns == numeric && batch.category_columns == spec_.data.category_columns);
  CHECK(!HasSparse() || batch.row_begin.size() == batch.rows + 1);
  rows_ = batch.rows;
  slope_written_ = false;
  x_.resize(rows_ * width_);
  const Matrix x{x_.data(), rows_, width_};
  for (size_t r = 0; r < rows_; ++r) {
    std::copy_n(batch.numeric.data() + r * numeric, numeric, x.data + r * width_);
  }
  if (bag_ == nullptr) return;
  const ParameterRows& embeddings = parameters[bag_->table];
  features_.Locate(batch, embeddings.keys);
  const ConstMatrix weights = WeightsOf(embeddings, bag_->dim);
  GatherCategories(categories(), weights, numeric, x);
  if (HasSparse()) GatherBag(bag(batch), weights, bag_column(), x);
}

std::optional<InputOnCpu::Slope> InputOnCpu::WriteSlope() {
  if (bag_ == nullptr) return std::nullopt;
  slope_.resize(rows_ * width_);
  const bool first = !slope_written_;
  slope_written_ = true;
  return Slope{.matrix = {slope_.data(), rows_, width_}, .first = first};
}

void InputOnCpu::Scatter(const Batch& batch, Parameters* gradients) {
  if (bag_ == nullptr || !slope_written_) return;
  ParameterRows& rows = (*gradients)[bag_->table];
  const ConstMatrix slope{slope_.data(), rows_, width_};
  const Matrix d_weights{rows.values.data(), rows.keys.size(), bag_->dim};
  ScatterCategories(categories(), slope, first_column(), d_weights);
  if (HasSparse()) ScatterBag(bag(batch), slope, bag_column(), d_weights);
}

}  // namespace rubato
