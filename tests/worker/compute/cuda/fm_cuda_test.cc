#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/worker/compute/cuda/elements_on_host.h"
#include "tests/worker/compute/cuda/segment_batch.h"
#include "worker/compute/cpu/fm.h"
#include "worker/compute/cuda/kernels/fm.h"
#include "worker/compute/cuda/kernels/segment_sum.h"

namespace rubato {
namespace {

struct FmShape {
  FeatureCounts counts;
  bool bag = true;
  uint32_t numeric = 0;
  uint32_t dim = 1;
  uint32_t padding = 0;  // columns of x behind those that its width is rounded up to
  bool parts = false;    // they are not added up: several outputs
  InputLayout layout() const {
    const uint32_t end = numeric + counts.columns * dim;
    return {.numeric = numeric, .dim = dim, .bag = end, .width = end + (bag ? dim : 0)};
  }
  uint32_t stride() const { return AlignedStride(layout().width) + padding; }
  // Of what a row's parts add up to, or of each.
  uint32_t term_stride() const { return parts ? AlignedStride(dim) + padding : 1; }
};

class FmTest : public SegmentsTest {
 protected:
  struct Source {
    FeatureBatch batch;
    std::vector<float> x;  // [rows, stride], as T rounds it; NaN in rows that are not filled
    std::vector<float> weights;
    std::vector<float> term;  // [rows, term_stride]: margins or parts, or their slopes
    std::vector<float> sums;  // [rows, dim]: any, for the way back
  };

  template <class T>
  Source RandomSource(const FmShape& shape, const BatchCounts& filled) {
    Source source{
        .batch = RandomFeatures(
            {.counts = shape.counts, .filled = filled, .levels = 20, .bag = shape.bag}, rng_),
        .x = {},
        .weights = {},
        .term = Normals(size_t{shape.counts.rows} * shape.term_stride(), rng_),
        .sums = Normals(size_t{shape.counts.rows} * shape.dim, rng_)};
    source.x = ToFloats(ToElements<T>(Normals(size_t{shape.counts.rows} * shape.stride(), rng_)));
    for (size_t i = size_t{filled.rows} * shape.stride(); i < source.x.size(); ++i) {
      source.x[i] = std::numeric_limits<float>::quiet_NaN();
    }
    source.weights = Normals(size_t{source.batch.weight_rows()} * shape.dim, rng_);
    return source;
  }

  std::vector<BatchCounts> Fills(const FeatureCounts& counts) {
    return {{counts.rows, counts.sparse}, {(counts.rows + 1) / 2, counts.sparse / 3}, {0, 0}};
  }

  // Batches of one size through one recorded launch.
  template <class T>
  void CheckForward(const FmShape& shape) {
    const uint32_t rows = shape.counts.rows;
    Source source = RandomSource<T>(shape, {rows, shape.counts.sparse});
    DeviceFeatures features = UploadFeatures(source.batch);
    if (!shape.bag) features.view.row_begin = nullptr;
    auto x = Upload(ToElements<T>(source.x));
    auto weights = Upload(source.weights);
    auto term = Upload(source.term);
    auto sums = Unwritten<float>(source.sums.size());
    FmTerm out{.sums = sums.data()};
    if (shape.parts) {
      out.pairs = {term.data(), rows, shape.dim, shape.term_stride()};
    } else {
      out.margin = term.data();
    }
    const Graph graph = Record([&](StreamView stream) {
      return FmForwardAsync<T>(
          stream, shape.layout(), features.view,
          {{x.data(), rows, shape.layout().width, shape.stride()}, weights.data()}, out);
    });
    for (const BatchCounts& filled : Fills(shape.counts)) {
      source = RandomSource<T>(shape, filled);
      OverwriteFeatures(features, source.batch);
      Overwrite(x, ToElements<T>(source.x));
      Overwrite(weights, source.weights);
      Overwrite(term, source.term);
      Overwrite(sums, NotWritten(sums.size()));
      Replay(graph);
      CheckTerm(shape, source, Download(sums), Download(term));
    }
  }

  template <class T>
  void CheckBackward(const FmShape& shape) {
    const uint32_t rows = shape.counts.rows;
    Source source = RandomSource<T>(shape, {rows, shape.counts.sparse});
    DeviceFeatures features = UploadFeatures(source.batch);
    auto x = Upload(ToElements<T>(source.x));
    auto sums = Upload(source.sums);
    auto slope = Upload(source.term);
    auto dx = Unwritten<T>(source.x.size());
    const uint32_t width = shape.layout().width;
    FmSlopes<T> from{.x = {x.data(), rows, width, shape.stride()}, .sums = sums.data()};
    if (shape.parts) {
      from.d_pairs = {slope.data(), rows, shape.dim, shape.term_stride()};
    } else {
      from.d_margin = slope.data();
    }
    const Graph graph = Record([&](StreamView stream) {
      return FmBackwardAsync<T>(stream, shape.layout(), features.view, from,
                                {dx.data(), rows, width, shape.stride()});
    });
    for (const BatchCounts& filled : Fills(shape.counts)) {
      source = RandomSource<T>(shape, filled);
      const auto before = ToElements<T>(Normals(source.x.size(), rng_));
      OverwriteFeatures(features, source.batch);
      Overwrite(x, ToElements<T>(source.x));
      Overwrite(sums, source.sums);
      Overwrite(slope, source.term);
      Overwrite(dx, before);
      Replay(graph);
      CheckSlopes<T>(shape, source, ToFloats(before), ToFloats(Download(dx)));
    }
  }

  Rng& rng() { return rng_; }

 private:
  static void CheckTerm(const FmShape& shape, const Source& source, const std::vector<float>& sums,
                        const std::vector<float>& found) {
    for (uint32_t r = 0; r < shape.counts.rows; ++r) {
      SCOPED_TRACE(testing::Message() << "row " << r);
      const bool filled = r < source.batch.rows();
      const size_t at = size_t{r} * shape.term_stride();
      ExactSum term;
      if (!shape.parts) term.Add(double{source.term[at]});
      for (uint32_t j = 0; j < shape.dim; ++j) {
        const Vectors v = filled ? VectorsOf(shape, source, r, j) : Vectors{};
        const float sum = sums[size_t{r} * shape.dim + j];
        ASSERT_NEAR(double{sum}, v.sum.value, v.sum.tolerance()) << j;
        v.AddPart(&term);
        if (!shape.parts) continue;
        ASSERT_NEAR(double{found[at + j]}, term.value, term.tolerance()) << j;
        term = {};
      }
      if (shape.parts) continue;
      if (filled) {
        ASSERT_NEAR(double{found[at]}, term.value, term.tolerance());
      } else {
        ASSERT_EQ(found[at], source.term[at]);
      }
    }
  }

  // Of a row's vectors at j.
  struct Vectors {
    ExactSum sum;
    ExactSum squares;
    void Add(double v) {
      sum.Add(v);
      squares.Add(v * v);
    }
    // What is wrong with the sum counts twice in its square.
    void AddPart(ExactSum* term) const {
      term->value += (sum.value * sum.value - squares.value) / 2;
      term->magnitude += 2 * sum.magnitude * sum.magnitude + squares.magnitude / 2;
      term->terms += squares.terms + 1;
    }
  };

  static Vectors VectorsOf(const FmShape& shape, const Source& source, uint32_t row, uint32_t j) {
    Vectors vectors;
    const float* const x = source.x.data() + size_t{row} * shape.stride() + shape.numeric;
    for (uint32_t c = 0; c < shape.counts.columns; ++c) {
      vectors.Add(double{x[c * shape.dim + j]});
    }
    for (uint32_t i = source.batch.bag_begin(row); i < source.batch.bag_end(row); ++i) {
      const size_t at = size_t{source.batch.SparsePosition(i)} * shape.dim + j;
      vectors.Add(double{source.batch.sparse_value[i]} * double{source.weights[at]});
    }
    return vectors;
  }

  // One difference, one product and one sum in float, and the result's rounding.
  template <class T>
  static void CheckSlopes(const FmShape& shape, const Source& source,
                          const std::vector<float>& before, const std::vector<float>& after) {
    const InputLayout layout = shape.layout();
    for (size_t i = 0; i < after.size(); ++i) {
      const size_t row = i / shape.stride();
      const size_t at = i % shape.stride();
      if (row >= source.batch.rows() || at < layout.numeric || at >= layout.width) {
        ASSERT_EQ(after[i], before[i]) << "row " << row << ", column " << at;
        continue;
      }
      const bool bag = shape.bag && at >= layout.bag;
      const double x = bag ? 0.0 : double{source.x[i]};
      const size_t part = (at - layout.numeric) % shape.dim;
      const double s = double{source.sums[row * shape.dim + part]};
      const double d = double{source.term[row * shape.term_stride() + (shape.parts ? part : 0)]};
      const double expected = double{before[i]} + d * (s - x);
      const double size = std::abs(before[i]) + std::abs(d) * (std::abs(s) + std::abs(x));
      ASSERT_NEAR(double{after[i]}, expected,
                  4 * 0x1p-24 * size + 1.01 * kRounding<T> * std::abs(expected))
          << "row " << row << ", column " << at;
    }
  }

  Rng rng_{15};
};

TEST_F(FmTest, EveryDim) {
  for (const uint32_t dim : {1U, 3U, 4U, 16U, 17U, 40U, 132U}) {
    for (const uint32_t numeric : {0U, 3U}) {
      SCOPED_TRACE(testing::Message() << "dim " << dim << ", numeric " << numeric);
      const FeatureCounts counts{.rows = 11, .columns = 5, .sparse = 80};
      for (const uint32_t padding : {0U, 1U}) {
        for (const bool parts : {false, true}) {
          const FmShape shape{
              .counts = counts, .numeric = numeric, .dim = dim, .padding = padding, .parts = parts};
          CheckForward<float>(shape);
          CheckForward<__nv_bfloat16>(shape);
          CheckBackward<float>(shape);
          CheckBackward<__nv_bfloat16>(shape);
        }
      }
    }
  }
}

TEST_F(FmTest, OneKindOfFeatureOrOneRow) {
  for (const FmShape& shape :
       {FmShape{.counts = {.rows = 9, .columns = 26}, .bag = false, .numeric = 13, .dim = 16},
        FmShape{.counts = {.rows = 9, .sparse = 40}, .dim = 8},
        FmShape{.counts = {.rows = 9, .sparse = 0}, .dim = 8},
        FmShape{.counts = {.rows = 1, .columns = 1}, .bag = false, .dim = 1},
        FmShape{.counts = {.rows = 1, .columns = 1, .sparse = 1}, .dim = 3}}) {
    for (const bool parts : {false, true}) {
      FmShape either = shape;
      either.parts = parts;
      CheckForward<float>(either);
      CheckBackward<float>(either);
    }
  }
}

constexpr uint32_t kRows = 30, kDim = 4, kColumns = 3, kWidth = (kColumns + 1) * kDim;

// The term, and its slope in the vectors.
struct TermAndSlope {
  std::vector<float> margin;    // [kRows]
  std::vector<float> d_vector;  // [keys, kDim]
};

class FmAgainstCpuTest : public FmTest {
 protected:
  // x is filled in.
  static TermAndSlope OnCpu(Source& source, std::span<const float> d_margin) {
    const size_t keys = source.batch.weight_rows();
    const std::span<const uint32_t> positions(source.batch.positions);
    const CategoryPositions categories{positions.first(kRows * kColumns), kColumns};
    const BagPositions bag{source.batch.row_begin, positions.subspan(kRows * kColumns),
                           source.batch.sparse_value};
    const ConstMatrix table{source.weights.data(), keys, kDim};
    const Matrix x{source.x.data(), kRows, kWidth};
    GatherCategories(categories, table, 0, x);
    GatherBag(bag, table, kColumns * kDim, x);
    const FmInput in{.x = x,
                     .weights = table,
                     .first_column = 0,
                     .categories = kColumns,
                     .bag_column = kColumns * kDim,
                     .bag = bag};
    TermAndSlope out{.margin = source.term, .d_vector = std::vector<float>(keys * kDim, 0.0F)};
    std::vector<float> sums(kRows * kDim);
    std::vector<float> pairs(kRows * kDim);
    std::vector<float> d_pairs;
    std::vector<float> dx(source.x.size(), 0.0F);
    const Matrix slope{dx.data(), kRows, kWidth};
    const Matrix d_vector{out.d_vector.data(), keys, kDim};
    FmForward(in, {sums.data(), kRows, kDim}, {pairs.data(), kRows, kDim});
    for (size_t i = 0; i < pairs.size(); ++i) out.margin[i / kDim] += pairs[i];
    for (const float d : d_margin) d_pairs.insert(d_pairs.end(), kDim, d);
    FmBackward(in, {sums.data(), kRows, kDim}, {d_pairs.data(), kRows, kDim}, slope, d_vector);
    ScatterCategories(categories, slope, 0, d_vector);
    ScatterBag(bag, slope, kColumns * kDim, d_vector);
    return out;
  }

  // d_vector by way of dx and of the segment sum.
  TermAndSlope OnDevice(const FmShape& shape, const Source& source,
                        const std::vector<float>& d_margin) {
    const auto features = UploadFeatures(source.batch);
    const SegmentBatch segments = SegmentsOf(source.batch);
    const auto device_segments = UploadSegments(segments);
    const auto device_x = Upload(source.x);
    const auto weights = Upload(source.weights);
    const auto slope = Upload(d_margin);
    auto margin = Upload(source.term);
    auto sums = Unwritten<float>(kRows * kDim);
    auto dx = Upload(std::vector<float>(source.x.size(), 0.0F));
    auto d_weights = Unwritten<float>(source.batch.positions.size() * kDim);
    const DeviceMatrix<const float> x{device_x.data(), kRows, kWidth, kWidth};
    absl::StatusOr<SegmentSum> sum = SegmentSum::Make(shape.counts.occurrences(), kDim);
    EXPECT_TRUE(sum.ok()) << sum.status();
    EXPECT_TRUE(FmForwardAsync<float>(stream(), shape.layout(), features.view, {x, weights.data()},
                                      {sums.data(), margin.data()})
                    .ok());
    EXPECT_TRUE(FmBackwardAsync<float>(stream(), shape.layout(), features.view,
                                       {x, sums.data(), slope.data()},
                                       {dx.data(), kRows, kWidth, kWidth})
                    .ok());
    EXPECT_TRUE(sum->Run<float>(stream(), device_segments.view(), features.view,
                                {.slope = {dx.data(), kRows, kWidth, kWidth},
                                 .step = kDim,
                                 .bag = kColumns * kDim,
                                 .pairs = {slope.data(), weights.data()}},
                                d_weights.data())
                    .ok());
    TermAndSlope out{
        .margin = Download(margin),
        .d_vector = std::vector<float>(size_t{source.batch.weight_rows()} * kDim, 0.0F)};
    const std::vector<float> found = Download(d_weights);
    for (size_t p = 0; p < segments.position.size(); ++p) {
      for (size_t j = 0; j < kDim; ++j) {
        out.d_vector[segments.position[p] * kDim + j] = found[p * kDim + j];
      }
    }
    return out;
  }
};

TEST_F(FmAgainstCpuTest, TermAndSlopeAreTheSame) {
  const FmShape shape{.counts = {.rows = kRows, .columns = kColumns, .sparse = 100}, .dim = kDim};
  Source source = RandomSource<float>(shape, {kRows, 100});
  const std::vector<float> d_margin = Normals(kRows, rng());
  const TermAndSlope expected = OnCpu(source, d_margin);
  const TermAndSlope found = OnDevice(shape, source, d_margin);
  // Some hundred additions of terms of size 100 at most, in another order.
  for (size_t r = 0; r < kRows; ++r) ASSERT_NEAR(found.margin[r], expected.margin[r], 1e-2) << r;
  for (size_t i = 0; i < expected.d_vector.size(); ++i) {
    ASSERT_NEAR(found.d_vector[i], expected.d_vector[i], 1e-2) << i;
  }
}

}  // namespace
}  // namespace rubato
