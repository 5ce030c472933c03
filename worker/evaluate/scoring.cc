#include "worker/evaluate/scoring.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "common/base/status.h"

namespace rubato {

absl::Status ForEachChunk(const Dataset& data,
                          const std::function<absl::Status(uint64_t begin, const Batch&)>& visit) {
  Batch batch;
  std::vector<uint64_t> indices;
  for (uint64_t begin = 0; begin < data.rows(); begin += kScoringRows) {
    indices.resize(std::min(kScoringRows, data.rows() - begin));
    std::iota(indices.begin(), indices.end(), begin);
    data.Read(indices, &batch);
    RETURN_IF_ERROR(visit(begin, batch));
  }
  return absl::OkStatus();
}

namespace {

void MergeKeys(const std::vector<RowKey>& more, std::vector<RowKey>* keys) {
  const auto middle = static_cast<ptrdiff_t>(keys->size());
  keys->insert(keys->end(), more.begin(), more.end());
  std::inplace_merge(keys->begin(), keys->begin() + middle, keys->end());
  keys->erase(std::unique(keys->begin(), keys->end()), keys->end());
}

}  // namespace

absl::StatusOr<Parameters> FindAllKeys(const Model& model, const Dataset& data, const GoOn& go_on) {
  Parameters all;
  RETURN_IF_ERROR(ForEachChunk(data, [&](uint64_t, const Batch& batch) {
    Parameters keys;
    model.FindKeys(batch, &keys);
    if (all.empty()) {
      all = std::move(keys);
    } else {
      for (size_t t = 0; t < keys.size(); ++t) MergeKeys(keys[t].keys, &all[t].keys);
    }
    return go_on();
  }));
  return all;
}

void SelectRows(const Model& model, const Parameters& all, Parameters* wanted) {
  for (size_t t = 0; t < wanted->size(); ++t) {
    const size_t dim = model.tables()[t].dim;
    ParameterRows& rows = (*wanted)[t];
    rows.values.resize(rows.keys.size() * dim);
    auto from = all[t].keys.begin();
    for (size_t i = 0; i < rows.keys.size(); ++i) {
      from = std::lower_bound(from, all[t].keys.end(), rows.keys[i]);
      CHECK(from != all[t].keys.end() && *from == rows.keys[i]);
      const auto row = static_cast<size_t>(from - all[t].keys.begin());
      std::copy_n(&all[t].values[row * dim], dim, &rows.values[i * dim]);
    }
  }
}

void TakeToOwnUnit(const Batch& batch, std::span<float> numbers) {
  if (batch.scales.empty()) return;
  const size_t each = numbers.size() / batch.rows;
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] *= batch.scales[i / each];
}

absl::StatusOr<std::vector<float>> Score(Model* model, const Dataset& data, const Parameters& all,
                                         const GoOn& go_on) {
  const size_t outputs = model->spec().outputs();
  std::vector<float> prediction(data.rows() * outputs);
  Parameters rows;
  const auto score = [&](uint64_t begin, const Batch& batch) -> absl::Status {
    model->FindKeys(batch, &rows);
    SelectRows(*model, all, &rows);
    const auto of_batch = std::span(prediction).subspan(begin * outputs, batch.rows * outputs);
    RETURN_IF_ERROR(model->Predict(batch, rows, of_batch));
    TakeToOwnUnit(batch, of_batch);
    return go_on();
  };
  RETURN_IF_ERROR(ForEachChunk(data, score));
  return prediction;
}

}  // namespace rubato
