// Random category levels and sparse features of a batch for tests of the CUDA backend, on the host
// and in device memory. What the batch does not fill holds what would show: NaN values, keys and
// rows that do not exist.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "common/base/env.h"
#include "common/base/status.h"
#include "tests/worker/compute/cuda/cuda_fixture.h"
#include "worker/compute/cuda/kernels/features.h"

namespace rubato {

struct FeatureBatchShape {
  FeatureCounts counts;  // capacities
  BatchCounts filled;
  uint32_t levels = 1;  // level ids and sparse keys are below
  bool bag = true;      // has row_begin, even if counts.sparse is 0
};

struct FeatureBatch {
  FeatureBatchShape shape;
  std::vector<uint32_t> level;       // [rows, columns]
  std::vector<uint32_t> row_begin;   // [rows + 1]
  std::vector<uint64_t> sparse_key;  // [sparse]
  std::vector<float> sparse_value;   // [sparse]
  std::vector<uint32_t> sparse_row;  // [sparse]
  std::vector<uint32_t> positions;   // [occurrences] level or `levels` + key; kNoRow for padding

  uint32_t rows() const { return shape.filled.rows; }
  uint32_t columns() const { return shape.counts.columns; }
  uint32_t PositionOf(uint32_t row, uint32_t column) const {
    return positions[row * columns() + column];
  }
  uint32_t SparsePosition(uint32_t i) const { return positions[shape.counts.categories() + i]; }
  uint32_t bag_begin(uint32_t row) const { return shape.bag ? row_begin[row] : 0; }
  uint32_t bag_end(uint32_t row) const { return shape.bag ? row_begin[row + 1] : 0; }
  // Rows of weights that positions are among.
  uint32_t weight_rows() const { return 2 * shape.levels; }
};

// Sparse features fall on rows at random, so that some rows have none and some have many.
inline void AddSparse(FeatureBatch& batch, Rng& rng) {
  const FeatureCounts& counts = batch.shape.counts;
  const BatchCounts& filled = batch.shape.filled;
  std::vector<uint32_t> lengths(counts.rows, 0);
  const uint64_t busy = 1 + rng.Below(filled.rows == 0 ? 1 : filled.rows);
  for (uint32_t i = 0; i < filled.sparse; ++i) ++lengths[rng.Below(busy)];
  batch.row_begin.assign(counts.rows + 1, 0);
  for (uint32_t r = 0; r < counts.rows; ++r) {
    const bool padding = r >= filled.rows;
    batch.row_begin[r + 1] = padding ? 0x7fff0000U : batch.row_begin[r] + lengths[r];
    for (uint32_t i = 0; i < lengths[r]; ++i) batch.sparse_row.push_back(r);
  }
  batch.sparse_row.resize(counts.sparse, kNoRow);
  for (uint32_t i = 0; i < counts.sparse; ++i) {
    const bool padding = i >= filled.sparse;
    const uint64_t key = rng.Below(batch.shape.levels);
    batch.sparse_key.push_back(padding ? ~uint64_t{7} : key);
    batch.sparse_value.push_back(padding ? std::numeric_limits<float>::quiet_NaN()
                                         : static_cast<float>(rng.Normal()));
    batch.positions.push_back(padding ? kNoRow : batch.shape.levels + static_cast<uint32_t>(key));
  }
}

inline FeatureBatch RandomFeatures(const FeatureBatchShape& shape, Rng& rng) {
  FeatureBatch batch;
  batch.shape = shape;
  const FeatureCounts& counts = shape.counts;
  for (uint32_t i = 0; i < counts.categories(); ++i) {
    const bool padding = i >= shape.filled.rows * counts.columns;
    const auto level = static_cast<uint32_t>(rng.Below(shape.levels));
    batch.level.push_back(padding ? 0xffffff00U : level);
    batch.positions.push_back(padding ? kNoRow : level);
  }
  if (shape.bag) AddSparse(batch, rng);
  return batch;
}

// One batch in device memory; another of the same capacities can take its place.
struct DeviceFeatures {
  DeviceArray<BatchCounts> filled;
  DeviceArray<uint32_t> level;
  DeviceArray<uint32_t> row_begin;
  DeviceArray<uint64_t> sparse_key;
  DeviceArray<float> sparse_value;
  DeviceArray<uint32_t> sparse_row;
  DeviceArray<uint32_t> positions;
  Features view;
};

class FeaturesTest : public CudaTest {
 protected:
  DeviceFeatures UploadFeatures(const FeatureBatch& batch) {
    DeviceFeatures device{.filled = Upload<BatchCounts>({batch.shape.filled}),
                          .level = Upload(batch.level),
                          .row_begin = Upload(batch.row_begin),
                          .sparse_key = Upload(batch.sparse_key),
                          .sparse_value = Upload(batch.sparse_value),
                          .sparse_row = Upload(batch.sparse_row),
                          .positions = Upload(batch.positions),
                          .view = {}};
    device.view = {.counts = batch.shape.counts,
                   .filled = device.filled.data(),
                   .positions = device.positions.data(),
                   .row_begin = device.row_begin.data(),
                   .sparse_row = device.sparse_row.data(),
                   .sparse_value = device.sparse_value.data()};
    return device;
  }

  void OverwriteFeatures(DeviceFeatures& device, const FeatureBatch& batch) {
    Overwrite(device.filled, {batch.shape.filled});
    Overwrite(device.level, batch.level);
    Overwrite(device.row_begin, batch.row_begin);
    Overwrite(device.sparse_key, batch.sparse_key);
    Overwrite(device.sparse_value, batch.sparse_value);
    Overwrite(device.sparse_row, batch.sparse_row);
    Overwrite(device.positions, batch.positions);
  }

  // What `put` puts on a stream, recorded once.
  Graph Record(const std::function<absl::Status(StreamView)>& put) {
    absl::StatusOr<Graph> graph = Graph::Capture(stream(), put);
    CHECK(graph.ok(), graph.status().ToString());
    return *std::move(graph);
  }
  void Replay(const Graph& graph) {
    const absl::Status status = graph.Launch(stream());
    ASSERT_TRUE(status.ok()) << status;
    Wait();
  }

  std::vector<float> Normals(size_t n, Rng& rng) {
    std::vector<float> values(n);
    for (float& v : values) v = static_cast<float>(rng.Normal());
    return values;
  }
};

}  // namespace rubato
