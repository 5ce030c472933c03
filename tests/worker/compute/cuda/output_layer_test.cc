#include "worker/compute/cuda/kernels/output_layer.h"

#include "tests/worker/compute/cuda/dense_fixture.h"

namespace rubato {
namespace {

struct Size {
  uint32_t rows;
  uint32_t in;
};

// Odd ones; whole and broken packs, tiles (128 or 256 columns), slabs (64 rows), and more slabs
// than a block adds up in one go (32).
constexpr Size kSizes[] = {{1, 1},   {5, 3},    {3, 7},     {4, 8},
                           {64, 95}, {65, 256}, {256, 300}, {2200, 9}};

enum class Slope { kNone, kPlain, kThroughRelu };

class OutputLayerTest : public DenseTest {
 protected:
  // x as a relu leaves it: about half of it 0.
  template <class T>
  Doubles Rectified(Size size, Rng* rng) {
    Doubles x = Random<T>(size.rows, size.in, rng);
    for (double& v : x.values) v = std::max(v, 0.0);
    return x;
  }

  template <class T>
  void CheckForward(Size size, uint64_t seed) {
    SCOPED_TRACE(testing::Message() << size.rows << " x " << size.in << ", seed " << seed);
    Rng rng(seed);
    const Doubles x = Random<T>(size.rows, size.in, &rng);
    const Doubles w = Random<float>(size.in, 1, &rng);
    const Doubles b = Random<float>(1, 1, &rng);
    Held<T> held = Hold<T>(x);
    const DeviceArray<float> weight = HoldDense<float>(w);
    const DeviceArray<float> bias = HoldDense<float>(b);
    DeviceArray<float> margin = HoldNaNs(size.rows);
    auto layer = OutputLayer<T>::Make(size.rows, size.in);
    ASSERT_TRUE(layer.ok()) << layer.status();
    ASSERT_TRUE(
        layer->Forward(stream(), held.view(), weight.data(), bias.data(), margin.data()).ok());
    Expected want = ExpectedProduct(x, w);
    for (double& v : want.value.values) v += b(0, 0);
    for (double& v : want.magnitude.values) v += std::abs(b(0, 0));
    ExpectClose(Read(margin, size.rows, 1, 1), want, ProductTolerance(Precision::kF32));
  }

  template <class T>
  void CheckBackward(Size size, Slope slope, uint64_t seed) {
    SCOPED_TRACE(testing::Message() << size.rows << " x " << size.in << ", seed " << seed);
    Rng rng(seed);
    const Doubles x = Rectified<T>(size, &rng);
    const Doubles w = Random<float>(size.in, 1, &rng);
    Doubles d = Random<float>(size.rows, 1, &rng);
    if (size.rows > 3) d(size.rows - 2, 0) = d(size.rows - 1, 0) = 0;  // rows of padding
    Held<T> held = Hold<T>(x);
    const DeviceArray<float> weight = HoldDense<float>(w);
    const DeviceArray<float> d_margin = HoldDense<float>(d);
    DeviceArray<float> dw = HoldNaNs(size.in);
    DeviceArray<float> bias_below = HoldNaNs(size.in);
    Held<T> dx = HoldNothing<T>(size.rows, size.in);
    OutputGradients<T> to{.weight = dw.data()};
    if (slope != Slope::kNone) to.x = dx.view();
    if (slope == Slope::kThroughRelu) to.bias_below = bias_below.data();
    auto layer = OutputLayer<T>::Make(size.rows, size.in);
    ASSERT_TRUE(layer.ok()) << layer.status();
    ASSERT_TRUE(layer->Backward(stream(), held.view(), d_margin.data(), weight.data(), to).ok());

    ExpectClose(Read(dw, 1, size.in, size.in), ExpectedProduct(Transposed(d), x),
                ProductTolerance(Precision::kF32));
    Doubles want = Product(d, Transposed(w));
    for (size_t i = 0; i < want.values.size(); ++i) {
      if (slope == Slope::kThroughRelu && !(x.values[i] > 0)) want.values[i] = 0;
    }
    if (slope != Slope::kNone) {
      ExpectClose(Read(dx), {want, Magnitudes(want)}, StoredTolerance<T>(Precision::kF32));
    }
    if (slope == Slope::kThroughRelu) {
      ExpectClose(Read(bias_below, 1, size.in, size.in),
                  {ColumnSumsOf(want), ColumnSumsOf(Magnitudes(want))},
                  ProductTolerance(Precision::kF32));
    }
  }
};

TEST_F(OutputLayerTest, ForwardIsTheProduct) {
  uint64_t seed = 1;
  for (const Size size : kSizes) {
    CheckForward<float>(size, seed++);
    CheckForward<__nv_bfloat16>(size, seed++);
  }
}

TEST_F(OutputLayerTest, BackwardIsTheSlopeOfTheProduct) {
  uint64_t seed = 100;
  for (const Size size : kSizes) {
    for (const Slope slope : {Slope::kNone, Slope::kPlain, Slope::kThroughRelu}) {
      CheckBackward<float>(size, slope, seed++);
      CheckBackward<__nv_bfloat16>(size, slope, seed++);
    }
  }
}

TEST_F(OutputLayerTest, TheSameBatchGivesTheSameBits) {
  Rng rng(7);
  constexpr Size kSize = {500, 40};
  Held<float> x = Hold<float>(Rectified<float>(kSize, &rng));
  const DeviceArray<float> weight = HoldDense<float>(Random<float>(kSize.in, 1, &rng));
  const DeviceArray<float> d_margin = HoldDense<float>(Random<float>(kSize.rows, 1, &rng));
  auto layer = OutputLayer<float>::Make(kSize.rows, kSize.in);
  ASSERT_TRUE(layer.ok()) << layer.status();
  std::vector<std::vector<float>> seen;
  for (int run = 0; run < 3; ++run) {
    DeviceArray<float> dw = HoldNaNs(kSize.in);
    DeviceArray<float> bias_below = HoldNaNs(kSize.in);
    Held<float> dx = HoldNothing<float>(kSize.rows, kSize.in);
    ASSERT_TRUE(layer
                    ->Backward(stream(), x.view(), d_margin.data(), weight.data(),
                               {dw.data(), dx.view(), bias_below.data()})
                    .ok());
    seen.push_back(Download(dw));
    const std::vector<float> bias = Download(bias_below);
    seen.back().insert(seen.back().end(), bias.begin(), bias.end());
  }
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_EQ(seen[0], seen[2]);
}

}  // namespace
}  // namespace rubato
