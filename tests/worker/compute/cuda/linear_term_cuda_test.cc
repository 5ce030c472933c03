#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "tests/worker/compute/cuda/elements_on_host.h"
#include "tests/worker/compute/cuda/segment_batch.h"
#include "worker/compute/cpu/term_on_cpu.h"
#include "worker/compute/cuda/kernels/linear_term.h"
#include "worker/compute/cuda/network/joint_linear_term.h"
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
  uint32_t outputs = 1;
  uint32_t stride() const { return outputs == 1 ? 1 : AlignedStride(outputs); }
};

// Of one output, or of several.
class AnyLinearTerm {
 public:
  static absl::StatusOr<AnyLinearTerm> Make(BlasLt* blas, const TermShape& shape) {
    AnyLinearTerm term(shape);
    if (shape.outputs == 1) {
      ASSIGN_OR_RETURN(term.one_, DeviceLinearTerm::Make(shape.counts, shape.numeric));
      return term;
    }
    ASSIGN_OR_RETURN(term.several_,
                     JointLinearTerm::Make(blas, shape.counts, shape.numeric, shape.outputs));
    return term;
  }

  absl::Status Forward(StreamView stream, const Features& features, const LinearTermSource& from,
                       float* margin) {
    if (one_) return one_->Forward(stream, features, from, margin);
    return several_->Forward(stream, features, from,
                             {margin, shape_.counts.rows, shape_.outputs, shape_.stride()});
  }
  absl::Status Backward(StreamView stream, const Segments& segments, const Features& features,
                        const LinearTermSlopes& from, float* d_weights) {
    if (one_) return one_->Backward(stream, segments, features, from, d_weights);
    return several_->Backward(stream, segments, features,
                              {from.d_margin, shape_.counts.rows, shape_.outputs, shape_.stride()},
                              d_weights);
  }

 private:
  explicit AnyLinearTerm(const TermShape& shape) : shape_(shape) {}
  TermShape shape_;
  std::optional<DeviceLinearTerm> one_;
  std::optional<JointLinearTerm> several_;
};

class LinearTermTest : public SegmentsTest {
 protected:
  void SetUp() override {
    SegmentsTest::SetUp();
    if (IsSkipped()) return;
    absl::StatusOr<BlasLt> blas = BlasLt::Make();
    ASSERT_TRUE(blas.ok()) << blas.status();
    blas_.emplace(*std::move(blas));
  }

  struct Source {
    FeatureBatch batch;
    std::vector<float> numeric;   // [rows, numeric]; NaN in rows that are not filled
    std::vector<float> weights;   // [numeric + weight_rows, outputs]
    std::vector<float> bias;      // [outputs]
    std::vector<float> margin;    // [rows, stride]
    std::vector<float> d_margin;  // 0 in rows that are not filled, or, of one output, NaN
  };

  Source RandomSource(const TermShape& shape, const BatchCounts& filled) {
    Source source{
        .batch = RandomFeatures(
            {.counts = shape.counts, .filled = filled, .levels = shape.levels, .bag = shape.bag},
            rng_),
        .numeric = Normals(size_t{shape.counts.rows} * shape.numeric, rng_),
        .weights = {},
        .bias = Normals(shape.outputs, rng_),
        .margin = Normals(size_t{shape.counts.rows} * shape.stride(), rng_),
        .d_margin = Normals(size_t{shape.counts.rows} * shape.stride(), rng_)};
    source.weights =
        Normals(size_t{shape.numeric + source.batch.weight_rows()} * shape.outputs, rng_);
    constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
    for (size_t i = size_t{filled.rows} * shape.numeric; i < source.numeric.size(); ++i) {
      source.numeric[i] = kNan;
    }
    for (size_t i = size_t{filled.rows} * shape.stride(); i < source.d_margin.size(); ++i) {
      source.d_margin[i] = shape.outputs == 1 ? kNan : 0.0F;
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
    auto device_bias = Upload(source.bias);
    absl::StatusOr<AnyLinearTerm> term = AnyLinearTerm::Make(&*blas_, shape);
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
      Overwrite(device_bias, source.bias);
      Overwrite(margin, bias == Bias::kYes ? NotWritten(source.margin.size()) : source.margin);
      Replay(graph);
      for (size_t i = 0; bias == Bias::kYes && i < source.margin.size(); ++i) {
        const size_t output = i % shape.stride();
        if (output < shape.outputs) source.margin[i] = source.bias[output];
      }
      CheckMargin(shape, source, Download(margin));
    }
  }

  void CheckBackward(const TermShape& shape) {
    Source source = RandomSource(shape, {shape.counts.rows, shape.counts.sparse});
    DeviceFeatures features = UploadFeatures(source.batch);
    DeviceSegments segments = UploadSegments(SegmentsOf(source.batch));
    auto numeric = Upload(source.numeric);
    auto d_margin = Upload(source.d_margin);
    auto d_weights =
        Unwritten<float>(size_t{shape.numeric + shape.counts.occurrences()} * shape.outputs);
    auto weights = Upload(source.weights);
    auto margin = Upload(source.margin);
    absl::StatusOr<AnyLinearTerm> term = AnyLinearTerm::Make(&*blas_, shape);
    ASSERT_TRUE(term.ok()) << term.status();
    if (!shape.bag) features.view.row_begin = nullptr;
    const Graph graph = Record([&](StreamView stream) {
      RETURN_IF_ERROR(term->Forward(stream, features.view,
                                    {numeric.data(), weights.data(), nullptr}, margin.data()));
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
    const size_t outputs = shape.outputs;
    for (size_t i = 0; i < size_t{shape.counts.rows} * outputs; ++i) {
      const auto r = static_cast<uint32_t>(i / outputs);
      const size_t o = i % outputs;
      const size_t at = r * shape.stride() + o;
      ExactSum sum;
      sum.Add(double{source.margin[at]});
      if (r < source.batch.rows()) AddFeatures(shape, source, r, o, sum);
      ASSERT_NEAR(double{margin[at]}, sum.value, sum.tolerance())
          << "row " << r << ", output " << o;
    }
  }

  // Of row r, to output o.
  static void AddFeatures(const TermShape& shape, const Source& source, uint32_t r, size_t o,
                          ExactSum& sum) {
    const FeatureBatch& batch = source.batch;
    const auto weight = [&](size_t row) { return double{source.weights[row * shape.outputs + o]}; };
    for (uint32_t k = 0; k < shape.numeric; ++k) {
      sum.Add(double{source.numeric[r * shape.numeric + k]} * weight(k));
    }
    for (uint32_t c = 0; c < shape.counts.columns; ++c) {
      sum.Add(weight(shape.numeric + batch.PositionOf(r, c)));
    }
    for (uint32_t i = batch.bag_begin(r); i < batch.bag_end(r); ++i) {
      sum.Add(double{batch.sparse_value[i]} * weight(shape.numeric + batch.SparsePosition(i)));
    }
  }

  static void CheckSlopes(const TermShape& shape, const Source& source,
                          const std::vector<float>& d_weights) {
    const SegmentBatch segments = SegmentsOf(source.batch);
    const size_t rows = shape.numeric + segments.position.size();
    for (size_t i = 0; i < rows * shape.outputs; ++i) {
      const size_t row = i / shape.outputs;
      const size_t o = i % shape.outputs;
      ExactSum sum;
      for (uint32_t r = 0; row < shape.numeric && r < source.batch.rows(); ++r) {
        sum.Add(double{source.numeric[r * shape.numeric + row]} *
                double{source.d_margin[r * shape.stride() + o]});
      }
      if (row >= shape.numeric) AddSlopes(shape, source, segments, {row - shape.numeric, o}, sum);
      ASSERT_NEAR(double{d_weights[i]}, sum.value, sum.tolerance()) << "row " << row;
    }
    for (size_t i = rows * shape.outputs; i < d_weights.size(); ++i) {
      ASSERT_EQ(d_weights[i], kUntouched) << "behind the last key";
    }
  }

  // Of a key, to an output.
  static void AddSlopes(const TermShape& shape, const Source& source, const SegmentBatch& segments,
                        std::pair<size_t, size_t> at, ExactSum& sum) {
    const auto [key, o] = at;
    const uint32_t categories = shape.counts.categories();
    for (uint32_t i = segments.begin[key]; i < segments.begin[key + 1]; ++i) {
      const uint32_t occurrence = segments.order[i];
      const bool sparse = occurrence >= categories;
      const uint32_t row = sparse ? source.batch.sparse_row[occurrence - categories]
                                  : occurrence / shape.counts.columns;
      const double value =
          sparse ? double{source.batch.sparse_value[occurrence - categories]} : 1.0;
      sum.Add(value * double{source.d_margin[row * shape.stride() + o]});
    }
  }

  std::optional<BlasLt> blas_;
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
    for (const uint32_t outputs : {1U, 3U, 10U, 12U, 140U}) {
      SCOPED_TRACE(testing::Message() << outputs << " outputs");
      TermShape of = shape;
      of.outputs = outputs;
      CheckForward(of, Bias::kNo);
      CheckForward(of, Bias::kYes);
      CheckBackward(of);
    }
  }
}

TEST_F(LinearTermTest, ManyRowsOrNumericColumns) {
  for (const TermShape& shape :
       {TermShape{.counts = {.rows = 200, .columns = 1}, .bag = false, .numeric = 300},
        TermShape{
            .counts = {.rows = 200, .columns = 1}, .bag = false, .numeric = 300, .outputs = 9},
        TermShape{.counts = {.rows = 2000}, .bag = false, .numeric = 3, .outputs = 4},
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
