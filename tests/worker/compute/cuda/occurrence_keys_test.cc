#include "worker/compute/cuda/kernels/occurrence_keys.h"

#include <cstdint>
#include <vector>

#include "tests/worker/compute/cuda/feature_batch.h"

namespace rubato {
namespace {

class OccurrenceKeysTest : public FeaturesTest {
 protected:
  // Two batches of the same capacities through one recorded launch.
  void Check(const std::vector<FeatureBatchShape>& fills, const FeatureRanges& ranges) {
    FeatureBatch batch = RandomFeatures(fills[0], rng_);
    DeviceFeatures device = UploadFeatures(batch);
    auto keys = Unwritten<uint64_t>(batch.positions.size());
    auto sparse_row = Unwritten<uint32_t>(batch.sparse_row.size());
    const RawFeatures raw{.counts = fills[0].counts,
                          .filled = device.filled.data(),
                          .levels = device.level.data(),
                          .row_begin = device.row_begin.data(),
                          .sparse_key = device.sparse_key.data()};
    const Graph graph = Record([&](StreamView stream) {
      return FindOccurrenceKeys(stream, raw, ranges, {keys.data(), sparse_row.data()});
    });
    for (const FeatureBatchShape& fill : fills) {
      batch = RandomFeatures(fill, rng_);
      OverwriteFeatures(device, batch);
      Replay(graph);
      EXPECT_EQ(Download(keys), Expected(batch, ranges));
      EXPECT_EQ(Download(sparse_row), batch.sparse_row);
    }
  }

 private:
  static std::vector<uint64_t> Expected(const FeatureBatch& batch, const FeatureRanges& ranges) {
    std::vector<uint64_t> keys;
    for (uint32_t i = 0; i < batch.level.size(); ++i) {
      const bool filled = i < batch.rows() * batch.columns();
      keys.push_back(filled ? ranges.categories + batch.level[i] : kNoKey);
    }
    for (uint32_t i = 0; i < batch.sparse_key.size(); ++i) {
      const bool filled = i < batch.shape.filled.sparse;
      keys.push_back(filled ? ranges.sparse + batch.sparse_key[i] : kNoKey);
    }
    return keys;
  }

  Rng rng_{11};
};

TEST_F(OccurrenceKeysTest, CategoriesAndSparseFeatures) {
  const FeatureCounts counts{.rows = 37, .columns = 5, .sparse = 300};
  Check({{.counts = counts, .filled = {37, 300}, .levels = 1000},
         {.counts = counts, .filled = {20, 113}, .levels = 1000},
         {.counts = counts, .filled = {1, 300}, .levels = 1},
         {.counts = counts, .filled = {37, 0}, .levels = 9},
         {.counts = counts, .filled = {0, 0}, .levels = 9}},
        {.categories = 13, .sparse = 5'000'000'000, .end = 6'000'000'000});
}

TEST_F(OccurrenceKeysTest, OneRow) {
  const FeatureCounts counts{.rows = 1, .columns = 1, .sparse = 1};
  Check({{.counts = counts, .filled = {1, 1}, .levels = 3}}, {.sparse = 3, .end = 6});
}

TEST_F(OccurrenceKeysTest, CategoriesOnly) {
  const FeatureCounts counts{.rows = 300, .columns = 3, .sparse = 0};
  Check({{.counts = counts, .filled = {299, 0}, .levels = 50, .bag = false},
         {.counts = counts, .filled = {1, 0}, .levels = 50, .bag = false}},
        {.sparse = 50, .end = 50});
}

TEST_F(OccurrenceKeysTest, SparseFeaturesOnly) {
  const FeatureCounts counts{.rows = 1000, .columns = 0, .sparse = 777};
  Check({{.counts = counts, .filled = {1000, 777}, .levels = 50},
         {.counts = counts, .filled = {999, 1}, .levels = 50}},
        {.sparse = 0, .end = 50});
}

}  // namespace
}  // namespace rubato
