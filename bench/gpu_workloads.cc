#include "bench/gpu_workloads.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>

#include "common/base/env.h"
#include "common/base/status.h"

namespace rubato {
namespace {

constexpr double kFloat = sizeof(float);

void SetColumns(uint64_t numeric, uint64_t columns, uint64_t levels, DatasetShape* shape) {
  shape->numeric_columns = numeric;
  shape->category_columns = columns;
  shape->levels = columns * levels;
  for (uint64_t c = 0; c <= columns; ++c) shape->level_begin.push_back(c * levels);
}

Batch MakeBatch(const Workload& workload, Rng* rng) {
  const DatasetShape& shape = workload.shape;
  Batch batch;
  batch.rows = workload.rows();
  batch.numeric_columns = shape.numeric_columns;
  batch.category_columns = shape.category_columns;
  for (size_t r = 0; r < batch.rows; ++r) {
    for (uint64_t k = 0; k < shape.numeric_columns; ++k) {
      batch.numeric.push_back(static_cast<float>(rng->Normal()));
    }
    for (uint64_t c = 0; c < shape.category_columns; ++c) {
      const auto levels = static_cast<double>(shape.level_begin[c + 1] - shape.level_begin[c]);
      const auto level = static_cast<uint64_t>(levels * std::pow(rng->Uniform(), 3));
      batch.categories.push_back(static_cast<uint32_t>(shape.level_begin[c] + level));
    }
    batch.labels.push_back(rng->Chance(0.1) ? 1.0F : 0.0F);
    batch.weights.push_back(1.0F);
  }
  return batch;
}

// Of the layers: products, activations and their slopes, weights and their steps.
void AddLayers(const Workload& workload, std::span<const double> widths, StepWork* work) {
  const auto rows = static_cast<double>(workload.rows());
  const bool features = workload.shape.category_columns > 0;
  const double element = workload.config.train.precision == "bf16" ? 2 : kFloat;
  const bool adam = workload.config.optimizer.kind == "adam";
  for (size_t l = 0; l + 1 < widths.size(); ++l) {
    const double weights = widths[l] * widths[l + 1];
    // Forward, slope of the weights, slope of the input.
    const double products = l == 0 && !features ? 2 : 3;
    work->flops += products * 2 * rows * weights;
    // Each activation is written, read by the layer above and read again for the weights' slope;
    // its slope is written and read twice, but for the input's, which at most the embeddings read.
    const double slope_moves = l > 0 ? 3 : features ? 2 : 0;
    work->bytes += (3 + slope_moves) * element * rows * widths[l];
    // Read by the first two products; the step reads and writes the weight and its slots, and reads
    // the gradient that the third wrote.
    work->bytes += weights * (2 * element + kFloat * (adam ? 8 : 6));
  }
}

}  // namespace

Workload MakeW1(Scale scale) {
  const bool full = scale == Scale::kFull;
  Workload w1{.name = "W1", .config = {}, .shape = {}, .batches = full ? 32u : 3u};
  SetColumns(full ? 16 : 3, full ? 26 : 2, full ? 400'000 : 50, &w1.shape);
  w1.config.model.kind = "mlp";
  w1.config.model.hidden = full ? std::vector<int64_t>{512, 256} : std::vector<int64_t>{8, 4};
  w1.config.model.embedding_dim = full ? 16 : 4;
  w1.config.optimizer.kind = "adagrad";
  w1.config.optimizer.learning_rate = 0.01;
  w1.config.train.batch = full ? 8192 : 32;
  w1.config.train.precision = "tf32";
  return w1;
}

Workload MakeW2(Scale scale, const std::string& precision) {
  const bool full = scale == Scale::kFull;
  Workload w2{.name = "W2 " + precision, .config = {}, .shape = {}, .batches = full ? 8u : 2u};
  SetColumns(full ? 512 : 9, 0, 0, &w2.shape);
  w2.config.model.kind = "mlp";
  w2.config.model.hidden =
      full ? std::vector<int64_t>{2048, 2048, 1024} : std::vector<int64_t>{16, 8};
  w2.config.optimizer.kind = "adam";
  w2.config.optimizer.learning_rate = 0.001;
  w2.config.train.batch = full ? 8192 : 32;
  w2.config.train.precision = precision;
  return w2;
}

Workload MakeW3(Scale scale, int64_t batch) {
  const bool full = scale == Scale::kFull;
  Workload w3 = MakeW2(scale, "tf32");
  w3.name = "W3 " + std::to_string(batch);
  w3.shape = {};
  SetColumns(full ? 64 : 5, 0, 0, &w3.shape);
  w3.config.model.hidden = full ? std::vector<int64_t>{256, 128} : std::vector<int64_t>{8};
  w3.config.train.batch = full ? batch : batch / 64;
  return w3;
}

std::vector<Batch> MakeBatches(const Workload& workload) {
  Rng rng(1);
  std::vector<Batch> batches;
  for (size_t i = 0; i < workload.batches; ++i) batches.push_back(MakeBatch(workload, &rng));
  return batches;
}

size_t DistinctKeys(const Batch& batch) {
  std::vector<uint32_t> keys = batch.categories;
  std::sort(keys.begin(), keys.end());
  return static_cast<size_t>(std::unique(keys.begin(), keys.end()) - keys.begin());
}

StepWork WorkOf(const Workload& workload, size_t distinct_keys) {
  const DatasetShape& shape = workload.shape;
  const auto rows = static_cast<double>(workload.rows());
  const auto columns = static_cast<double>(shape.category_columns);
  const auto dim = static_cast<double>(workload.config.model.embedding_dim);
  std::vector<double> widths = {static_cast<double>(shape.numeric_columns) + columns * dim};
  for (const int64_t width : workload.config.model.hidden) {
    widths.push_back(static_cast<double>(width));
  }
  widths.push_back(1);
  StepWork work;
  AddLayers(workload, widths, &work);
  work.upload_bytes = rows * kFloat * (static_cast<double>(shape.numeric_columns) + columns + 2);
  work.bytes += work.upload_bytes;
  if (columns == 0) return work;
  const double occurrences = rows * columns;
  const auto distinct = static_cast<double>(distinct_keys);
  work.bytes += UniqueBytes(occurrences, distinct, shape.levels);
  // The gather reads positions and rows, the sum of slopes reads the order and writes gradients, a
  // step reads them and their keys, and reads and writes rows and slots.
  work.bytes += 2 * kFloat * occurrences + distinct * (8 + 7 * kFloat * dim);
  return work;
}

double UniqueBytes(double occurrences, double distinct, uint64_t key_space) {
  constexpr double kKey = 4;
  const double passes = std::ceil(static_cast<double>(std::bit_width(key_space)) / 8);
  return occurrences * (8 + kKey + 4) + occurrences * (kKey + passes * 2 * (kKey + 4)) +
         occurrences * (kKey + 4 + 8) + occurrences * (kKey + 12) + 12 * distinct;
}

}  // namespace rubato
