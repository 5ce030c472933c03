#include "worker/compute/cuda/kernels/segment_sum.h"

#include <cstdint>
#include <limits>
#include <vector>

#include "tests/worker/compute/cuda/elements_on_host.h"
#include "tests/worker/compute/cuda/segment_batch.h"
#include "worker/compute/cpu/embedding.h"

namespace rubato {
namespace {

constexpr float kUntouched = 77.0F;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

enum class Pairs { kNo, kOneARow, kOneAPart };

struct SumShape {
  FeatureCounts counts;
  bool bag = true;
  uint32_t dim = 1;
  uint32_t numeric = 0;  // columns of slopes before those of the embeddings
  uint32_t levels = 40;
  Pairs pairs = Pairs::kNo;
  uint32_t padding = 0;  // columns of slopes behind those that their width is rounded up to
  bool step = true;      // from column to column; if not, all occurrences of a row have one slope
  // From row to row of the pairs' slopes.
  uint32_t pairs_stride() const { return pairs == Pairs::kOneAPart ? AlignedStride(dim) : 1; }
  // First column of the slope of category column c, or of the sparse features behind them.
  uint32_t ColumnOf(uint32_t c) const { return numeric + (step ? c * dim : 0); }
  uint32_t width() const { return numeric + (counts.columns + (bag ? 1 : 0)) * dim; }
  uint32_t stride() const { return AlignedStride(width()) + padding; }
};

// What one batch is summed from, on the host.
template <class T>
struct SumSource {
  FeatureBatch batch;
  SegmentBatch segments;
  std::vector<T> slope;        // [rows, stride]
  std::vector<float> d_pairs;  // [rows, pairs_stride]
  std::vector<float> weights;  // [weight_rows, dim]
};

// The same in device memory, with what it is summed into.
template <class T>
struct DeviceSum {
  DeviceFeatures features;
  DeviceSegments segments;
  DeviceArray<T> slope;
  DeviceArray<float> d_pairs;
  DeviceArray<float> weights;
  DeviceArray<float> d_weights;  // [occurrences, dim]
};

class SegmentSumTest : public SegmentsTest {
 protected:
  template <class T>
  SumSource<T> RandomSource(const SumShape& shape, const BatchCounts& filled) {
    SumSource<T> source;
    source.batch = RandomFeatures(
        {.counts = shape.counts, .filled = filled, .levels = shape.levels, .bag = shape.bag}, rng_);
    Refresh(shape, source);
    return source;
  }

  // All but the features, which have to come from the batch.
  template <class T>
  void Refresh(const SumShape& shape, SumSource<T>& source) {
    source.segments = SegmentsOf(source.batch);
    std::vector<float> slope = Normals(size_t{shape.counts.rows} * shape.stride(), rng_);
    source.d_pairs = Normals(size_t{shape.counts.rows} * shape.pairs_stride(), rng_);
    const size_t rows = source.batch.rows();
    for (size_t i = rows * shape.stride(); i < slope.size(); ++i) slope[i] = kNan;
    for (size_t i = rows * shape.pairs_stride(); i < source.d_pairs.size(); ++i) {
      source.d_pairs[i] = kNan;
    }
    source.slope = ToElements<T>(slope);
    source.weights = Normals(size_t{source.batch.weight_rows()} * shape.dim, rng_);
  }

  template <class T>
  DeviceSum<T> UploadSum(const SumShape& shape, const SumSource<T>& source) {
    return {.features = UploadFeatures(source.batch),
            .segments = UploadSegments(source.segments),
            .slope = Upload(source.slope),
            .d_pairs = Upload(source.d_pairs),
            .weights = Upload(source.weights),
            .d_weights = Unwritten<float>(source.batch.positions.size() * shape.dim)};
  }

  template <class T>
  void OverwriteSum(DeviceSum<T>& device, const SumSource<T>& source) {
    OverwriteFeatures(device.features, source.batch);
    OverwriteSegments(device.segments, source.segments);
    Overwrite(device.slope, source.slope);
    Overwrite(device.d_pairs, source.d_pairs);
    Overwrite(device.weights, source.weights);
    Overwrite(device.d_weights, std::vector<float>(device.d_weights.size(), kUntouched));
  }

  template <class T>
  static OccurrenceSlopes<T> SlopesOf(const SumShape& shape, const DeviceSum<T>& device) {
    OccurrenceSlopes<T> slopes{
        .slope = {device.slope.data(), shape.counts.rows, shape.width(), shape.stride()},
        .first = shape.numeric,
        .step = shape.step ? shape.dim : 0,
        .bag = shape.bag ? shape.ColumnOf(shape.counts.columns) : 0};
    if (shape.pairs == Pairs::kNo) return slopes;
    slopes.pairs = {device.d_pairs.data(), device.weights.data(),
                    shape.pairs == Pairs::kOneAPart ? shape.pairs_stride() : 0};
    return slopes;
  }

  // Several batches of the same capacities through one recorded launch.
  template <class T>
  void Check(const SumShape& shape) {
    const FeatureCounts& counts = shape.counts;
    SumSource<T> source = RandomSource<T>(shape, {counts.rows, counts.sparse});
    DeviceSum<T> device = UploadSum(shape, source);
    absl::StatusOr<SegmentSum> sum = SegmentSum::Make(counts.occurrences(), shape.dim);
    ASSERT_TRUE(sum.ok()) << sum.status();
    const Graph graph = Record([&](StreamView stream) {
      return sum->Run(stream, device.segments.view(), device.features.view, SlopesOf(shape, device),
                      device.d_weights.data());
    });
    for (const BatchCounts& filled :
         {BatchCounts{counts.rows, counts.sparse},
          BatchCounts{(counts.rows + 1) / 2, counts.sparse / 3}, BatchCounts{0, 0}}) {
      source = RandomSource<T>(shape, filled);
      OverwriteSum(device, source);
      Replay(graph);
      CheckRows(shape, source, Download(device.d_weights));
    }
  }

  // One category column, whose levels have these numbers of occurrences.
  void CheckLengths(const std::vector<uint32_t>& lengths) {
    std::vector<uint32_t> levels;
    uint32_t segments = 0;
    for (const uint32_t length : lengths) levels.insert(levels.end(), length, segments++);
    const auto rows = static_cast<uint32_t>(levels.size());
    for (const uint32_t dim : {1U, 8U, 33U}) {
      const SumShape shape{
          .counts = {.rows = rows, .columns = 1}, .bag = false, .dim = dim, .levels = segments};
      auto source = RandomSource<float>(shape, {rows, 0});
      source.batch.positions = levels;
      Refresh(shape, source);
      auto device = UploadSum(shape, source);
      OverwriteSum(device, source);
      absl::StatusOr<SegmentSum> sum = SegmentSum::Make(rows, dim);
      ASSERT_TRUE(sum.ok()) << sum.status();
      ASSERT_TRUE(sum->Run(stream(), device.segments.view(), device.features.view,
                           SlopesOf(shape, device), device.d_weights.data())
                      .ok());
      CheckRows(shape, source, Download(device.d_weights));
    }
  }

  template <class T>
  static void CheckRows(const SumShape& shape, const SumSource<T>& source,
                        const std::vector<float>& d_weights) {
    const SegmentBatch& segments = source.segments;
    for (size_t p = 0; p < segments.position.size(); ++p) {
      SCOPED_TRACE(testing::Message()
                   << "key " << p << " of " << segments.position.size() << ", "
                   << segments.begin[p + 1] - segments.begin[p] << " occurrences");
      for (uint32_t j = 0; j < shape.dim; ++j) {
        ExactSum sum;
        for (uint32_t i = segments.begin[p]; i < segments.begin[p + 1]; ++i) {
          AddOccurrence(shape, source, segments.order[i], j, sum);
        }
        ASSERT_NEAR(double{d_weights[p * shape.dim + j]}, sum.value, sum.tolerance()) << j;
      }
    }
    for (size_t i = segments.position.size() * shape.dim; i < d_weights.size(); ++i) {
      ASSERT_EQ(d_weights[i], kUntouched) << "behind the last key";
    }
  }

  Rng& rng() { return rng_; }

 private:
  template <class T>
  static void AddOccurrence(const SumShape& shape, const SumSource<T>& source, uint32_t occurrence,
                            uint32_t j, ExactSum& sum) {
    const uint32_t categories = shape.counts.categories();
    const bool sparse = occurrence >= categories;
    const uint32_t row = sparse ? source.batch.sparse_row[occurrence - categories]
                                : occurrence / shape.counts.columns;
    const uint32_t column = sparse ? shape.counts.columns : occurrence % shape.counts.columns;
    const double value = sparse ? double{source.batch.sparse_value[occurrence - categories]} : 1.0;
    const size_t at = size_t{row} * shape.stride() + shape.ColumnOf(column) + j;
    sum.Add(value * double{static_cast<float>(source.slope[at])});
    if (!sparse || shape.pairs == Pairs::kNo) return;
    const size_t weight = size_t{source.batch.positions[occurrence]} * shape.dim + j;
    const size_t slope =
        size_t{row} * shape.pairs_stride() + (shape.pairs == Pairs::kOneAPart ? j : 0);
    sum.Add(-double{source.d_pairs[slope]} * value * value * double{source.weights[weight]});
    sum.terms += 2;  // two more roundings
  }

  Rng rng_{14};
};

TEST_F(SegmentSumTest, EveryDim) {
  for (const uint32_t dim : {1U, 3U, 4U, 16U, 17U, 40U, 132U}) {
    for (const uint32_t numeric : {0U, 3U}) {
      for (const Pairs pairs : {Pairs::kNo, Pairs::kOneARow, Pairs::kOneAPart}) {
        SCOPED_TRACE(testing::Message() << "dim " << dim << ", numeric " << numeric << ", pairs "
                                        << static_cast<int>(pairs));
        const FeatureCounts counts{.rows = 17, .columns = 5, .sparse = 100};
        Check<float>({.counts = counts, .dim = dim, .numeric = numeric, .pairs = pairs});
        Check<__nv_bfloat16>({.counts = counts, .dim = dim, .numeric = numeric, .pairs = pairs});
        Check<float>(
            {.counts = counts, .dim = dim, .numeric = numeric, .pairs = pairs, .padding = 1});
      }
    }
  }
}

TEST_F(SegmentSumTest, LongSegments) {
  for (const uint32_t levels : {1U, 2U, 5U}) {
    for (const uint32_t dim : {1U, 3U, 16U}) {
      SCOPED_TRACE(testing::Message() << levels << " levels, dim " << dim);
      const FeatureCounts counts{.rows = 301, .columns = 4, .sparse = 1500};
      Check<float>({.counts = counts, .dim = dim, .levels = levels, .pairs = Pairs::kOneARow});
      Check<float>({.counts = counts, .dim = dim, .levels = levels, .pairs = Pairs::kOneAPart});
      Check<__nv_bfloat16>({.counts = counts, .dim = dim, .numeric = 1, .levels = levels});
    }
  }
}

TEST_F(SegmentSumTest, OneKindOfFeatureOrOneRow) {
  Check<float>({.counts = {.rows = 50, .columns = 2}, .bag = false, .dim = 16});
  Check<float>({.counts = {.rows = 50, .columns = 2}, .bag = false, .dim = 16, .numeric = 3});
  Check<float>({.counts = {.rows = 50, .sparse = 200}, .dim = 16, .pairs = Pairs::kOneARow});
  Check<float>({.counts = {.rows = 1, .columns = 1}, .bag = false, .dim = 1});
  Check<float>({.counts = {.rows = 1, .sparse = 1}, .dim = 3});
}

// As the linear term of several outputs has them: a row's slopes are those of all its features.
TEST_F(SegmentSumTest, OneSlopeARow) {
  for (const uint32_t dim : {3U, 10U, 64U, 260U}) {
    Check<float>({.counts = {.rows = 40, .columns = 3, .sparse = 150}, .dim = dim, .step = false});
  }
}

TEST_F(SegmentSumTest, LengthsAtTheSeams) {
  CheckLengths({kShortSegment - 1, kShortSegment, kShortSegment + 1, kChunk - 1, kChunk, kChunk + 1,
                2 * kChunk, 2 * kChunk + 1, 1});
}

TEST_F(SegmentSumTest, AsManyLongSegmentsAsThereCanBe) {
  CheckLengths(std::vector<uint32_t>(40, kShortSegment + 1));
  CheckLengths(std::vector<uint32_t>(7, kChunk + 1));
}

TEST_F(SegmentSumTest, TheSameBatchGivesTheSameBits) {
  const SumShape shape{.counts = {.rows = 700, .columns = 3, .sparse = 2500},
                       .dim = 16,
                       .levels = 3,
                       .pairs = Pairs::kOneARow};
  const auto source = RandomSource<float>(shape, {700, 2500});
  auto device = UploadSum(shape, source);
  absl::StatusOr<SegmentSum> sum = SegmentSum::Make(shape.counts.occurrences(), shape.dim);
  ASSERT_TRUE(sum.ok()) << sum.status();
  std::vector<float> first;
  for (int round = 0; round < 5; ++round) {
    OverwriteSum(device, source);
    ASSERT_TRUE(sum->Run(stream(), device.segments.view(), device.features.view,
                         SlopesOf(shape, device), device.d_weights.data())
                    .ok());
    const std::vector<float> found = Download(device.d_weights);
    if (round == 0) first = found;
    ASSERT_EQ(found, first);
  }
}

TEST_F(SegmentSumTest, AgreesWithTheCpu) {
  const SumShape shape{.counts = {.rows = 60, .columns = 4, .sparse = 80}, .dim = 5, .levels = 9};
  const auto source = RandomSource<float>(shape, {60, 80});
  auto device = UploadSum(shape, source);
  absl::StatusOr<SegmentSum> sum = SegmentSum::Make(shape.counts.occurrences(), shape.dim);
  ASSERT_TRUE(sum.ok()) << sum.status();
  ASSERT_TRUE(sum->Run(stream(), device.segments.view(), device.features.view,
                       SlopesOf(shape, device), device.d_weights.data())
                  .ok());

  std::vector<float> expected(size_t{source.batch.weight_rows()} * 5, 0.0F);
  const ConstMatrix slope{source.slope.data(), 60, shape.stride()};
  const Matrix table{expected.data(), source.batch.weight_rows(), 5};
  const std::span<const uint32_t> positions(source.batch.positions);
  ScatterCategories({positions.first(240), 4}, slope, 0, table);
  ScatterBag({source.batch.row_begin, positions.subspan(240), source.batch.sparse_value}, slope, 20,
             table);
  const std::vector<float> found = Download(device.d_weights);
  for (size_t p = 0; p < source.segments.position.size(); ++p) {
    for (size_t j = 0; j < 5; ++j) {
      const size_t position = source.segments.position[p];
      // Sums of at most 320 terms of size 1, added in another order.
      ASSERT_NEAR(found[p * 5 + j], expected[position * 5 + j], 1e-4) << p << ", " << j;
    }
  }
}

}  // namespace
}  // namespace rubato
