#include "worker/evaluate/top_features.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "common/base/env.h"
#include "common/base/json_text.h"
#include "common/base/status.h"
#include "worker/data/encode/json_fields.h"
#include "worker/evaluate/evaluation.h"
#include "worker/evaluate/scoring.h"

namespace rubato {
namespace {

void KeepLargest(std::vector<TopFeature>* features) {
  const auto larger = [](const TopFeature& a, const TopFeature& b) {
    return std::abs(a.size) > std::abs(b.size);
  };
  std::stable_sort(features->begin(), features->end(), larger);
  if (features->size() > kTopFeatures) features->resize(kTopFeatures);
}

// Evenly spread over the data; rows are in no order that a column follows.
Batch SampleRows(const Dataset& data, uint64_t columns) {
  const uint64_t room = std::clamp(kImportancePredictions / std::max<uint64_t>(columns, 1),
                                   kFewestImportanceRows, kMostImportanceRows);
  std::vector<uint64_t> indices(std::min(room, data.rows()));
  for (size_t i = 0; i < indices.size(); ++i) indices[i] = i * data.rows() / indices.size();
  Batch batch;
  data.Read(indices, &batch);
  return batch;
}

std::vector<size_t> Shuffled(size_t rows, Rng* rng) {
  std::vector<size_t> order(rows);
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = rows; i > 1; --i) std::swap(order[i - 1], order[rng->Below(i)]);
  return order;
}

// Column `k` of matrix [order.size(), columns]: row r gets what row order[r] had.
template <class T>
void ShuffleColumn(const std::vector<size_t>& order, size_t columns, size_t k,
                   std::vector<T>* matrix) {
  std::vector<T> column(order.size());
  for (size_t r = 0; r < order.size(); ++r) column[r] = (*matrix)[order[r] * columns + k];
  for (size_t r = 0; r < order.size(); ++r) (*matrix)[r * columns + k] = column[r];
}

// Skill of a model on one sample of rows with columns shuffled. Shuffling changes no level's being
// there, so the sample's weights serve all of them.
class ShuffledSkill {
 public:
  ShuffledSkill(Model* model, Batch sample, const Parameters& weights,
                std::span<const double> constant)
      : model_(model),
        sample_(std::move(sample)),
        labels_(sample_.labels),
        constant_(constant),
        prediction_(sample_.rows * model->spec().outputs()) {
    TakeToOwnUnit(sample_, labels_);
    model_->FindKeys(sample_, &rows_);
    SelectRows(*model_, weights, &rows_);
  }

  absl::StatusOr<double> Plain() { return Skill(sample_); }
  // `indicator`: the column's own, or the number of numeric columns when it has none.
  absl::StatusOr<double> Numeric(size_t column, size_t indicator, Rng* rng) {
    Batch batch = sample_;
    const std::vector<size_t> order = Shuffled(batch.rows, rng);
    for (const size_t k : {column, indicator}) {
      if (k < batch.numeric_columns) ShuffleColumn(order, batch.numeric_columns, k, &batch.numeric);
    }
    return Skill(batch);
  }
  absl::StatusOr<double> Category(size_t column, Rng* rng) {
    Batch batch = sample_;
    ShuffleColumn(Shuffled(batch.rows, rng), batch.category_columns, column, &batch.categories);
    return Skill(batch);
  }

 private:
  absl::StatusOr<double> Skill(const Batch& batch) {
    const Target& target = model_->spec().target;
    RETURN_IF_ERROR(model_->Predict(batch, rows_, prediction_));
    TakeToOwnUnit(batch, prediction_);
    ASSIGN_OR_RETURN(const Figures figures, Evaluate(target, {.labels = labels_,
                                                              .predictions = prediction_,
                                                              .offsets = batch.offsets,
                                                              .constant = constant_,
                                                              .scales = batch.scales,
                                                              .use = MetricUse::kProgress}));
    return SkillOf(target, figures);
  }

  Model* const model_;
  const Batch sample_;
  std::vector<float> labels_;  // in their own unit
  const std::span<const double> constant_;
  Parameters rows_;
  std::vector<float> prediction_;
};

}  // namespace

std::string FeatureName(const Encoding& encoding, RowKey row_key) {
  uint64_t key = row_key.value();
  if (key < encoding.numeric.size()) return encoding.numeric[key].name;
  key -= encoding.numeric.size();
  for (const NumericEncoding& column : encoding.numeric) {
    if (column.indicator && key-- == 0) return column.name + " is missing";
  }
  for (const CategoryEncoding& column : encoding.categories) {
    const uint64_t levels = kReservedLevels + column.levels.size();
    if (key >= levels) {
      key -= levels;
      continue;
    }
    if (key == kOtherLevel) return column.name + " is rare or new";
    if (key == kMissingLevel) return column.name + " is missing";
    return absl::StrCat(column.name, "=", column.levels[key - kReservedLevels]);
  }
  return absl::StrCat("feature ", key);
}

std::vector<TopFeature> LargestWeights(const Encoding& encoding, const ParameterRows& weights) {
  CHECK(weights.values.size() == weights.keys.size());
  std::vector<size_t> order(weights.keys.size());
  std::iota(order.begin(), order.end(), 0);
  const auto larger = [&weights](size_t a, size_t b) {
    return std::abs(weights.values[a]) > std::abs(weights.values[b]);
  };
  const auto top = static_cast<ptrdiff_t>(std::min(kTopFeatures, order.size()));
  std::partial_sort(order.begin(), order.begin() + top, order.end(), larger);
  std::vector<TopFeature> features;
  for (auto i = order.begin(); i != order.begin() + top && weights.values[*i] != 0.0F; ++i) {
    features.push_back({FeatureName(encoding, weights.keys[*i]), weights.values[*i]});
  }
  return features;
}

absl::StatusOr<std::vector<TopFeature>> PermutationImportance(const Encoding& encoding,
                                                              Model* model,
                                                              const WeightedRows& rows,
                                                              uint64_t seed, const GoOn& go_on) {
  const size_t columns = encoding.numeric.size() + encoding.categories.size();
  std::vector<TopFeature> features;
  if (columns == 0) return features;
  ShuffledSkill skill(model, SampleRows(rows.data, columns), rows.weights,
                      encoding.prior.predictions);
  const absl::StatusOr<double> plain = skill.Plain();
  if (!plain.ok()) return features;
  Rng rng(seed);
  const auto add = [&](const std::string& name, const absl::StatusOr<double>& shuffled) {
    if (shuffled.ok() && *shuffled < *plain) features.push_back({name, *plain - *shuffled});
  };
  const auto all = static_cast<size_t>(rows.data.shape().numeric_columns);
  size_t indicator = encoding.numeric.size();
  for (size_t k = 0; k < encoding.numeric.size(); ++k) {
    RETURN_IF_ERROR(go_on());
    const NumericEncoding& column = encoding.numeric[k];
    add(column.name, skill.Numeric(k, column.indicator ? indicator++ : all, &rng));
  }
  for (size_t k = 0; k < encoding.categories.size(); ++k) {
    RETURN_IF_ERROR(go_on());
    add(encoding.categories[k].name, skill.Category(k, &rng));
  }
  KeepLargest(&features);
  return features;
}

std::string FormatTopFeatures(const std::vector<TopFeature>& features, const char* key) {
  std::string json = "[";
  for (const TopFeature& feature : features) {
    absl::StrAppend(&json, json.size() > 1 ? ",\n " : "");
    absl::StrAppendFormat(&json, "{\"name\": %s, \"%s\": %.9g}", QuotedText(AsUtf8(feature.name)),
                          key, feature.size);
  }
  return json + "]";
}

}  // namespace rubato
