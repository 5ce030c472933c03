#include "worker/compute/cuda/kernels/gather_input.h"

#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/worker/compute/cuda/elements_on_host.h"
#include "tests/worker/compute/cuda/feature_batch.h"
#include "worker/compute/cpu/embedding.h"

namespace rubato {
namespace {

struct GatherShape {
  FeatureCounts counts;
  bool bag = true;
  uint32_t numeric = 0;
  uint32_t dim = 1;
  uint32_t padding = 0;       // columns of x behind those that its width is rounded up to
  uint32_t misalignment = 0;  // floats by which the weights are
  InputLayout layout() const {
    const uint32_t end = numeric + counts.columns * dim;
    return {.numeric = numeric, .dim = dim, .bag = end, .width = end + (bag ? dim : 0)};
  }
  uint32_t stride() const { return AlignedStride(layout().width) + padding; }
};

class GatherInputTest : public FeaturesTest {
 protected:
  // A full batch, others that fill less, and one of no rows, through one recorded launch.
  template <class T>
  void Check(const GatherShape& shape) {
    const FeatureCounts& counts = shape.counts;
    FeatureBatchShape fill{.counts = counts, .filled = {}, .levels = 50, .bag = shape.bag};
    Source source = RandomSource(shape, fill);
    DeviceFeatures features = UploadFeatures(source.batch);
    auto numeric = Upload(source.numeric);
    auto weights = Upload(source.weights);
    if (!shape.bag) features.view.row_begin = nullptr;
    const InputLayout layout = shape.layout();
    const uint32_t stride = shape.stride();
    auto x = Unwritten<T>(size_t{counts.rows} * stride);
    const Graph graph = Record([&](StreamView stream) {
      return GatherInput<T>(stream, layout, features.view,
                            {numeric.data(), weights.data() + shape.misalignment},
                            {x.data(), counts.rows, layout.width, stride});
    });
    for (const BatchCounts& filled :
         {BatchCounts{counts.rows, counts.sparse},
          BatchCounts{(counts.rows + 1) / 2, counts.sparse / 3}, BatchCounts{0, 0}}) {
      fill.filled = filled;
      source = RandomSource(shape, fill);
      OverwriteFeatures(features, source.batch);
      Overwrite(numeric, source.numeric);
      Overwrite(weights, source.weights);
      Overwrite(x, ToElements<T>(NotWritten(x.size())));
      Replay(graph);
      CheckRows<T>(shape, source, ToFloats(Download(x)));
    }
  }

  Rng& rng() { return rng_; }

 private:
  struct Source {
    FeatureBatch batch;
    std::vector<float> numeric;
    std::vector<float> weights;
    const float* Row(const GatherShape& shape, uint32_t position) const {
      return weights.data() + shape.misalignment + position * shape.dim;
    }
  };

  Source RandomSource(const GatherShape& shape, const FeatureBatchShape& fill) {
    Source source{.batch = RandomFeatures(fill, rng_), .numeric = {}, .weights = {}};
    if (!source.batch.positions.empty()) source.batch.positions[0] = kNoRow;
    source.numeric = Normals(size_t{shape.counts.rows} * shape.numeric, rng_);
    for (size_t i = size_t{fill.filled.rows} * shape.numeric; i < source.numeric.size(); ++i) {
      source.numeric[i] = std::numeric_limits<float>::quiet_NaN();
    }
    const size_t rows = source.batch.weight_rows();
    source.weights = Normals(rows * shape.dim + shape.misalignment, rng_);
    return source;
  }

  template <class T>
  void CheckRows(const GatherShape& shape, const Source& source, const std::vector<float>& x) {
    const size_t stride = shape.stride();
    for (uint32_t r = 0; r < shape.counts.rows; ++r) {
      SCOPED_TRACE(testing::Message() << "row " << r);
      std::vector<float> expected(stride, 0.0F);
      if (r < source.batch.rows()) {
        Expect(shape, source, r, expected);
        CheckBag<T>(shape, source, r, x.data() + r * stride);
      }
      for (size_t i = 0; i < stride; ++i) {
        const bool bag = shape.bag && i >= shape.layout().bag && i < shape.layout().width;
        if (bag && r < source.batch.rows()) continue;
        ASSERT_EQ(x[r * stride + i], static_cast<float>(static_cast<T>(expected[i]))) << i;
      }
    }
  }

  static void Expect(const GatherShape& shape, const Source& source, uint32_t row,
                     std::vector<float>& x) {
    for (uint32_t k = 0; k < shape.numeric; ++k) x[k] = source.numeric[row * shape.numeric + k];
    for (uint32_t c = 0; c < shape.counts.columns; ++c) {
      const uint32_t position = source.batch.PositionOf(row, c);
      if (position == kNoRow) continue;
      for (uint32_t j = 0; j < shape.dim; ++j) {
        x[shape.numeric + c * shape.dim + j] = source.Row(shape, position)[j];
      }
    }
  }

  template <class T>
  static void CheckBag(const GatherShape& shape, const Source& source, uint32_t row,
                       const float* x) {
    for (uint32_t j = 0; shape.bag && j < shape.dim; ++j) {
      ExactSum sum;
      for (uint32_t i = source.batch.bag_begin(row); i < source.batch.bag_end(row); ++i) {
        const uint32_t position = source.batch.SparsePosition(i);
        if (position == kNoRow) continue;
        sum.Add(double{source.batch.sparse_value[i]} * double{source.Row(shape, position)[j]});
      }
      const double tolerance = sum.tolerance() + 1.01 * kRounding<T> * std::abs(sum.value);
      ASSERT_NEAR(double{x[shape.layout().bag + j]}, sum.value, tolerance) << "sum, " << j;
    }
  }

  Rng rng_{13};
};

TEST_F(GatherInputTest, EveryDimWithAndWithoutSparseFeatures) {
  for (const uint32_t dim : {1U, 3U, 4U, 16U, 17U, 40U, 132U}) {
    for (const uint32_t numeric : {0U, 3U, 8U}) {
      SCOPED_TRACE(testing::Message() << "dim " << dim << ", numeric " << numeric);
      const FeatureCounts counts{.rows = 13, .columns = 5, .sparse = 100};
      Check<float>({.counts = counts, .numeric = numeric, .dim = dim});
      Check<float>({.counts = counts, .numeric = numeric, .dim = dim, .padding = 1});
      Check<__nv_bfloat16>({.counts = counts, .numeric = numeric, .dim = dim, .padding = 8});
      Check<__nv_bfloat16>({.counts = {13, 5, 0}, .bag = false, .numeric = numeric, .dim = dim});
    }
  }
}

TEST_F(GatherInputTest, OneKindOfFeatureOrOneRow) {
  Check<float>({.counts = {.rows = 9}, .bag = false, .numeric = 5, .dim = 4});
  Check<float>({.counts = {.rows = 9}, .bag = false, .numeric = 4, .dim = 0, .padding = 3});
  Check<float>({.counts = {.rows = 9, .sparse = 30}, .dim = 16});
  Check<float>({.counts = {.rows = 9, .sparse = 0}, .dim = 16});
  Check<float>({.counts = {.rows = 9, .columns = 26}, .bag = false, .dim = 16});
  Check<float>({.counts = {.rows = 1, .columns = 1}, .bag = false, .dim = 1});
  Check<__nv_bfloat16>({.counts = {.rows = 1, .columns = 2, .sparse = 70}, .dim = 8});
}

TEST_F(GatherInputTest, AddressesThatDoNotAllowWideReads) {
  for (const uint32_t misalignment : {1U, 2U}) {
    Check<float>({.counts = {7, 3, 20}, .dim = 16, .misalignment = misalignment});
  }
}

TEST_F(GatherInputTest, AgreesWithTheCpu) {
  const FeatureCounts counts{.rows = 21, .columns = 4, .sparse = 80};
  const FeatureBatch batch =
      RandomFeatures({.counts = counts, .filled = {21, 80}, .levels = 9}, rng());
  const std::vector<float> weights = Normals(batch.weight_rows() * 5, rng());
  const DeviceFeatures features = UploadFeatures(batch);
  const InputLayout layout{.dim = 5, .bag = 20, .width = 25};
  auto x = Unwritten<float>(21 * 25);
  const auto device_weights = Upload(weights);
  ASSERT_TRUE(GatherInput<float>(stream(), layout, features.view, {nullptr, device_weights.data()},
                                 {x.data(), 21, 25, 25})
                  .ok());

  std::vector<float> expected(21 * 25);
  const ConstMatrix table{weights.data(), batch.weight_rows(), 5};
  const std::span<const uint32_t> positions(batch.positions);
  GatherCategories({positions.first(84), 4}, table, 0, {expected.data(), 21, 25});
  GatherBag({batch.row_begin, positions.subspan(84), batch.sparse_value}, table, 20,
            {expected.data(), 21, 25});
  const std::vector<float> found = Download(x);
  // Sums of at most 80 terms of size 1, added in another order.
  for (size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(found[i], expected[i], 1e-4) << i;
}

}  // namespace
}  // namespace rubato
