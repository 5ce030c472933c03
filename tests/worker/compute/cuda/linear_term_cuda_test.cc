#include <cstdint>
#include <vector>

#include "tests/worker/compute/cuda/elements_on_host.h"
#include "tests/worker/compute/cuda/segment_batch.h"
#include "worker/compute/cpu/term_on_cpu.h"
#include "worker/compute/cuda/kernels/linear_term.h"
#include "worker/spec/model_keys.h"

namespace rubato {
namespace {

constexpr float kUntouched = 77.0F;

enum class Bias { kNo, kYes };

struct TermShape {
  FeatureCounts counts;
  bool bag = true;
  uint32_t numeric = 0;
  uint32_t levels = 30;
};

class LinearTermTest : public SegmentsTest {
 protected:
  struct Source {
    FeatureBatch batch;
    std::vector<float> numeric;  // [rows, numeric]; NaN in rows that are not filled, as d_margin
    std::vector<float> weights;  // [numeric + weight_rows]
    std::vector<float> margin;   // [rows]
    std::vector<float> d_margin;
  };

  Source RandomSource(const TermShape& shape, const BatchCounts& filled) {
    Source source{
        .batch = RandomFeatures(
            {.counts = shape.counts, .filled = filled, .levels = shape.levels, .bag = shape.bag},
            rng_),
        .numeric = Normals(size_t{shape.counts.rows} * shape.numeric, rng_),
        .weights = {},
        .margin = Normals(shape.counts.rows, rng_),
        .d_margin = Normals(shape.counts.rows, rng_)};
    source.weights = Normals(shape.numeric + source.batch.weight_rows(), rng_);
    for (uint32_t r = filled.rows; r < shape.counts.rows; ++r) {
      source.d_margin[r] = std::numeric_limits<float>::quiet_NaN();
      for (uint32_t k = 0; k < shape.numeric; ++k) {
        source.numeric[r * shape.numeric + k] = source.d_margin[r];
      }
    }
    return source;
  }

  std::vector<BatchCounts> Fills(const FeatureCounts& counts) {
    return {{counts.rows, counts.sparse}, {(counts.rows + 1) / 2, counts.sparse / 3}, {0, 0}};
  }

  // Batches of one size through one recorded launch.
  void CheckForward(const TermShape& shape, Bias bias) {
    Source source = RandomSource(shape, {shape.counts.rows, shape.counts.sparse});
    DeviceFeatures features = UploadFeatures(source.batch);
    if (!shape.bag) features.view.row_begin = nullptr;
    auto numeric = Upload(source.numeric);
    auto weights = Upload(source.weights);
    auto margin = Upload(source.margin);
    const auto device_bias = Upload<float>({0.75F});
    absl::StatusOr<DeviceLinearTerm> term = DeviceLinearTerm::Make(shape.counts, shape.numeric);
    ASSERT_TRUE(term.ok()) << term.status();
    const Graph graph = Record([&](StreamView stream) {
      return term->Forward(
          stream, features.view,
          {numeric.data(), weights.data(), bias == Bias::kYes ? device_bias.data() : nullptr},
          margin.data());
    });
    for (const BatchCounts& filled : Fills(shape.counts)) {
      source = RandomSource(shape, filled);
      OverwriteFeatures(features, source.batch);
      Overwrite(numeric, source.numeric);
      Overwrite(weights, source.weights);
      Overwrite(margin, bias == Bias::kYes ? NotWritten(source.margin.size()) : source.margin);
      Replay(graph);
      if (bias == Bias::kYes) source.margin.assign(source.margin.size(), 0.75F);
      CheckMargin(shape, source, Download(margin));
    }
  }

  void CheckBackward(const TermShape& shape) {
    Source source = RandomSource(shape, {shape.counts.rows, shape.counts.sparse});
    DeviceFeatures features = UploadFeatures(source.batch);
    DeviceSegments segments = UploadSegments(SegmentsOf(source.batch));
    auto numeric = Upload(source.numeric);
    auto d_margin = Upload(source.d_margin);
    auto d_weights = Unwritten<float>(shape.numeric + shape.counts.occurrences());
    absl::StatusOr<DeviceLinearTerm> term = DeviceLinearTerm::Make(shape.counts, shape.numeric);
    ASSERT_TRUE(term.ok()) << term.status();
    const Graph graph = Record([&](StreamView stream) {
      return term->Backward(stream, segments.view(), features.view,
                            {numeric.data(), d_margin.data()}, d_weights.data());
    });
    for (const BatchCounts& filled : Fills(shape.counts)) {
      source = RandomSource(shape, filled);
      OverwriteFeatures(features, source.batch);
      OverwriteSegments(segments, SegmentsOf(source.batch));
      Overwrite(numeric, source.numeric);
      Overwrite(d_margin, source.d_margin);
      Overwrite(d_weights, std::vector<float>(d_weights.size(), kUntouched));
      Replay(graph);
      CheckSlopes(shape, source, Download(d_weights));
    }
  }

  Rng& rng() { return rng_; }

 private:
  static void CheckMargin(const TermShape& shape, const Source& source,
                          const std::vector<float>& margin) {
    const FeatureBatch& batch = source.batch;
    const float* const weights = source.weights.data() + shape.numeric;
    for (uint32_t r = 0; r < shape.counts.rows; ++r) {
      ExactSum sum;
      sum.Add(double{source.margin[r]});
      for (uint32_t k = 0; r < batch.rows() && k < shape.numeric; ++k) {
        sum.Add(double{source.numeric[r * shape.numeric + k]} * double{source.weights[k]});
      }
      for (uint32_t c = 0; r < batch.rows() && c < shape.counts.columns; ++c) {
        sum.Add(double{weights[batch.PositionOf(r, c)]});
      }
      for (uint32_t i = batch.bag_begin(r); r < batch.rows() && i < batch.bag_end(r); ++i) {
        sum.Add(double{batch.sparse_value[i]} * double{weights[batch.SparsePosition(i)]});
      }
      ASSERT_NEAR(double{margin[r]}, sum.value, sum.tolerance()) << "row " << r;
    }
  }

  static void CheckSlopes(const TermShape& shape, const Source& source,
                          const std::vector<float>& d_weights) {
    for (uint32_t k = 0; k < shape.numeric; ++k) {
      ExactSum sum;
      for (uint32_t r = 0; r < source.batch.rows(); ++r) {
        sum.Add(double{source.numeric[r * shape.numeric + k]} * double{source.d_margin[r]});
      }
      ASSERT_NEAR(double{d_weights[k]}, sum.value, sum.tolerance()) << "numeric column " << k;
    }
    const SegmentBatch segments = SegmentsOf(source.batch);
    const uint32_t categories = shape.counts.categories();
    for (size_t p = 0; p < segments.position.size(); ++p) {
      ExactSum sum;
      for (uint32_t i = segments.begin[p]; i < segments.begin[p + 1]; ++i) {
        const uint32_t o = segments.order[i];
        const bool sparse = o >= categories;
        const uint32_t row =
            sparse ? source.batch.sparse_row[o - categories] : o / shape.counts.columns;
        const double value = sparse ? double{source.batch.sparse_value[o - categories]} : 1.0;
        sum.Add(value * double{source.d_margin[row]});
      }
      ASSERT_NEAR(double{d_weights[shape.numeric + p]}, sum.value, sum.tolerance()) << "key " << p;
    }
    for (size_t i = shape.numeric + segments.position.size(); i < d_weights.size(); ++i) {
      ASSERT_EQ(d_weights[i], kUntouched) << "behind the last key";
    }
  }

  Rng rng_{16};
};

TEST_F(LinearTermTest, EveryKindOfFeature) {
  for (const TermShape& shape :
       {TermShape{.counts = {.rows = 37, .columns = 5, .sparse = 300}, .numeric = 13},
        TermShape{.counts = {.rows = 37, .sparse = 300}},
        TermShape{.counts = {.rows = 37, .sparse = 2}},
        TermShape{.counts = {.rows = 37, .sparse = 0}, .numeric = 1},
        TermShape{.counts = {.rows = 300, .columns = 3}, .bag = false},
        TermShape{.counts = {.rows = 300, .columns = 3}, .bag = false, .levels = 1},
        TermShape{.counts = {.rows = 9}, .bag = false, .numeric = 1},
        TermShape{.counts = {.rows = 1, .columns = 1}, .bag = false},
        TermShape{.counts = {.rows = 1, .sparse = 1}, .numeric = 2, .levels = 1}}) {
    SCOPED_TRACE(testing::Message() << shape.counts.rows << " rows, " << shape.numeric
                                    << " numeric and " << shape.counts.columns
                                    << " category columns, " << shape.counts.sparse << " sparse");
    CheckForward(shape, Bias::kNo);
    CheckForward(shape, Bias::kYes);
    CheckBackward(shape);
  }
}

TEST_F(LinearTermTest, ManyRowsOrNumericColumns) {
  for (const TermShape& shape :
       {TermShape{.counts = {.rows = 200, .columns = 1}, .bag = false, .numeric = 300},
        TermShape{.counts = {.rows = 9000}, .bag = false, .numeric = 3}}) {
    CheckForward(shape, Bias::kNo);
    CheckBackward(shape);
  }
}

TEST_F(LinearTermTest, AgreesWithTheCpu) {
  const FeatureCounts counts{.rows = 40, .columns = 3, .sparse = 150};
  Source source = RandomSource({.counts = counts, .numeric = 6}, {40, 150});
  const FeatureBatch& features = source.batch;
  Batch batch;
  batch.rows = 40;
  batch.numeric_columns = 6;
  batch.category_columns = 3;
  batch.numeric = source.numeric;
  batch.categories = features.level;
  batch.row_begin = features.row_begin;
  batch.keys = features.sparse_key;
  batch.values = features.sparse_value;
  DatasetShape dataset;
  dataset.numeric_columns = 6;
  dataset.category_columns = 3;
  dataset.levels = features.shape.levels;
  dataset.sparse_keys = features.shape.levels;
  RunConfig config;
  config.model.kind = "linear";
  const absl::StatusOr<ModelSpec> spec = MakeModelSpec(config, dataset);
  ASSERT_TRUE(spec.ok()) << spec.status();
  const LinearTerm& linear = *spec->Find<LinearTerm>();
  Parameters rows;
  ModelKeys(*spec).Find(batch, &rows);
  ParameterRows& weighted = rows[linear.table];
  for (const RowKey key : weighted.keys) weighted.values.push_back(source.weights[key.value()]);
  Parameters slopes_by_table(rows.size());
  Floats& expected_slopes = slopes_by_table[linear.table].values;
  expected_slopes.assign(weighted.keys.size(), 0.0F);
  std::vector<float> expected = source.margin;
  const auto reference = MakeTerm(linear, *spec);
  InputOnCpu unread(*spec);
  const Pass pass{batch, rows, Purpose::kScore, unread};
  reference->Forward(pass, {expected.data(), 40, 1});
  reference->Backward(pass, {source.d_margin.data(), 40, 1}, &slopes_by_table);

  const auto device = UploadFeatures(features);
  const auto segments = UploadSegments(SegmentsOf(features));
  const auto numeric = Upload(source.numeric);
  const auto weights = Upload(source.weights);
  const auto d_margin = Upload(source.d_margin);
  auto margin = Upload(source.margin);
  auto d_weights = Unwritten<float>(6 + counts.occurrences());
  absl::StatusOr<DeviceLinearTerm> term = DeviceLinearTerm::Make(counts, 6);
  ASSERT_TRUE(term.ok()) << term.status();
  ASSERT_TRUE(
      term->Forward(stream(), device.view, {numeric.data(), weights.data(), nullptr}, margin.data())
          .ok());
  ASSERT_TRUE(term->Backward(stream(), segments.view(), device.view,
                             {numeric.data(), d_margin.data()}, d_weights.data())
                  .ok());
  // Sums of at most some hundred terms of size 1, added in another order.
  const std::vector<float> found = Download(margin);
  for (size_t r = 0; r < expected.size(); ++r) ASSERT_NEAR(found[r], expected[r], 1e-4) << r;
  const std::vector<float> slopes = Download(d_weights);
  for (size_t p = 0; p < expected_slopes.size(); ++p) {
    ASSERT_NEAR(slopes[p], expected_slopes[p], 1e-4) << p;
  }
}

}  // namespace
}  // namespace rubato
