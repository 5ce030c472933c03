#include <algorithm>
#include <optional>
#include <utility>

#include "tests/worker/compute/cuda/dense_fixture.h"
#include "worker/compute/cuda/kernels/output_layer.h"
#include "worker/compute/cuda/network/linear.h"

#if __has_include(<emulator.h>)
#include "tests/cuda_emulator/emulator.h"
#define RUBATO_EMULATED
#endif

namespace rubato {
namespace {

struct Size {
  uint32_t rows, in, mid, out;
};

struct Arithmetic {
  Precision precision;
  Fusion fusion;
  Output output = Output::kRelu;  // of the upper layer
};

// relu(x w1 + b1) = h, relu(h w2 + b2) = y or what else a layer may be, and the way back from dy, a
// slope of y before its relu. Y: element of y and b2.
template <class T, class Y = T>
struct TwoLayers {
  explicit TwoLayers(const Size& s)
      : x(s.rows, s.in),
        w1(s.in, s.mid),
        b1(1, s.mid),
        w2(s.mid, s.out),
        b2(1, s.out),
        before(s.rows, s.out),
        dy(s.rows, s.out) {}

  Doubles x, w1, b1, w2, b2;
  Doubles before;  // what y is before the forward pass
  Doubles dy;
  DenseTest::Held<T> held_x, held_h, held_dy, held_dh, held_dx;
  DenseTest::Held<Y> held_y;
  DeviceArray<T> held_w1, held_b1, held_w2;
  DeviceArray<Y> held_b2;
  DeviceArray<float> dw1, db1, dw2;
  std::optional<LinearLayer<T>> lower;
  std::optional<LinearLayer<T, Y>> upper;

  absl::Status Forward(StreamView stream) {
    RETURN_IF_ERROR(
        lower->Forward(stream, held_x.view(), {held_w1.data(), held_b1.data()}, held_h.view()));
    return upper->Forward(stream, held_h.view(), {held_w2.data(), held_b2.data()}, held_y.view());
  }
  absl::Status Backward(StreamView stream) {
    RETURN_IF_ERROR(upper->BackwardWeights(stream, held_h.view(), held_dy.view(), dw2.data()));
    RETURN_IF_ERROR(upper->BackwardInput(stream, held_dy.view(), held_w2.data(), held_h.view(),
                                         {held_dh.view(), db1.data()}));
    RETURN_IF_ERROR(lower->BackwardWeights(stream, held_x.view(), held_dh.view(), dw1.data()));
    return lower->BackwardInput(stream, held_dh.view(), held_w1.data(), held_x.view(),
                                {held_dx.view()});
  }
};

class LinearCudaTest : public DenseTest {
 protected:
  void SetUp() override {
    DenseTest::SetUp();
    if (IsSkipped()) return;
    absl::StatusOr<BlasLt> blas = BlasLt::Make();
    ASSERT_TRUE(blas.ok()) << blas.status();
    blas_.emplace(*std::move(blas));
  }

  template <class T, class Y = T>
  LinearLayer<T, Y> MakeLayer(const LinearShape& shape, const LinearOptions& options) {
    absl::StatusOr<LinearLayer<T, Y>> layer = LinearLayer<T, Y>::Make(&*blas_, shape, options);
    CHECK(layer.ok(), layer.status().ToString());
    return *std::move(layer);
  }

  template <class T, class Y>
  void MakeLayers(const Size& s, const Arithmetic& how, TwoLayers<T, Y>* net) {
    const uint32_t h_stride = net->held_h.stride();
    net->lower = MakeLayer<T>({s.rows, s.in, s.mid, net->held_x.stride(), h_stride},
                              {.precision = how.precision,
                               .keep_mask = KeepMask::kYes,
                               .below = Below::kInput,
                               .fusion = how.fusion});
    net->upper = MakeLayer<T, Y>({s.rows, s.mid, s.out, h_stride, net->held_y.stride()},
                                 {.precision = how.precision,
                                  .output = how.output,
                                  .below = Below::kRelu,
                                  .mask_below = net->lower->mask(),
                                  .fusion = how.fusion});
  }

  // New inputs and weights, on the host.
  template <class T, class Y>
  void Redraw(const Size& s, Rng* rng, TwoLayers<T, Y>* net) {
    net->x = Random<T>(s.rows, s.in, rng);
    net->w1 = Random<T>(s.in, s.mid, rng);
    net->b1 = Random<T>(1, s.mid, rng);
    net->w2 = Random<T>(s.mid, s.out, rng);
    net->b2 = Random<Y>(1, s.out, rng);
    net->before = Random<Y>(s.rows, s.out, rng);
    net->dy = Random<T>(s.rows, s.out, rng);
    // The last row is padding.
    if (s.rows > 1) std::fill_n(&net->dy(s.rows - 1, 0), s.out, 0.0);
  }

  template <class T, class Y = T>
  TwoLayers<T, Y> Make(const Size& s, const Arithmetic& how, Rng* rng) {
    TwoLayers<T, Y> net(s);
    Redraw(s, rng, &net);
    net.held_x = Hold<T>(net.x);
    net.held_dy = Hold<T>(net.dy);
    net.held_w1 = HoldDense<T>(net.w1);
    net.held_b1 = HoldDense<T>(net.b1);
    net.held_w2 = HoldDense<T>(net.w2);
    net.held_b2 = HoldDense<Y>(net.b2);
    net.held_h = HoldNothing<T>(s.rows, s.mid);
    net.held_y = Hold<Y>(net.before);
    net.held_dh = HoldNothing<T>(s.rows, s.mid);
    net.held_dx = HoldNothing<T>(s.rows, s.in);
    net.dw1 = HoldNaNs(s.in * s.mid);
    net.dw2 = HoldNaNs(s.mid * s.out);
    net.db1 = HoldNaNs(s.mid);
    MakeLayers(s, how, &net);
    return net;
  }

  // To where they lie already.
  template <class T, class Y>
  void UploadInputs(TwoLayers<T, Y>* net) {
    Replace(net->held_x, net->x);
    Replace(net->held_y, net->before);
    Replace(net->held_dy, net->dy);
    Overwrite(net->held_w1, Elements<T>(net->w1, net->w1.cols));
    Overwrite(net->held_b1, Elements<T>(net->b1, net->b1.cols));
    Overwrite(net->held_w2, Elements<T>(net->w2, net->w2.cols));
    Overwrite(net->held_b2, Elements<Y>(net->b2, net->b2.cols));
  }

  // Every product is compared with that of what the device itself had before it, so that errors
  // do not add up and a relu goes the same way.
  template <class T, class Y>
  void CheckForward(const TwoLayers<T, Y>& net, const Arithmetic& how) {
    const double tolerance = StoredTolerance<T>(how.precision);
    ExpectClose(Read(net.held_h), Rectified(ExpectedSums(net.x, net.w1, net.b1)), tolerance);
    const Doubles& added = how.output == Output::kAdded ? net.before : net.b2;
    const Expected want = ExpectedSums(Read(net.held_h), net.w2, added);
    ExpectClose(Read(net.held_y), how.output == Output::kRelu ? Rectified(want) : want,
                StoredTolerance<Y>(how.precision));
  }

  template <class T, class Y>
  void CheckBackward(const TwoLayers<T, Y>& net, Precision precision) {
    const double stored = StoredTolerance<T>(precision);
    const double exact = ProductTolerance(precision);
    const Doubles h = Read(net.held_h);
    const Doubles dh = Read(net.held_dh);
    ExpectClose(Read(net.dw2, h.cols, net.dy.cols, net.dy.cols),
                ExpectedProduct(Transposed(h), net.dy), exact);
    Expected want = ExpectedProduct(net.dy, Transposed(net.w2));
    const Expected sums = ExpectedSums(net.x, net.w1, net.b1);
    for (size_t i = 0; i < h.values.size(); ++i) {
      if (h.values[i] > 0) continue;
      // A sum within a rounding of zero: cublasLt may round the product before it adds the bias,
      // and its mask takes the zero that comes of it for positive (seen with bf16 on an H200).
      const bool either = std::abs(sums.value.values[i]) <= stored * sums.magnitude.values[i];
      if (!either || dh.values[i] == 0) want.value.values[i] = 0;
    }
    ExpectClose(dh, want, stored);
    ExpectClose(Read(net.db1, 1, h.cols, h.cols),
                {ColumnSumsOf(want.value), ColumnSumsOf(want.magnitude)}, stored);
    ExpectClose(Read(net.dw1, net.x.cols, h.cols, h.cols), ExpectedProduct(Transposed(net.x), dh),
                exact);
    ExpectClose(Read(net.held_dx), ExpectedProduct(dh, Transposed(net.w1)), stored);
  }

  template <class T, class Y = T>
  void CheckOnce(const Size& s, const Arithmetic& how, uint64_t seed) {
    SCOPED_TRACE(testing::Message()
                 << s.rows << " rows, " << s.in << "-" << s.mid << "-" << s.out << ", "
                 << PrecisionWord(how.precision).data() << ", seed " << seed);
    Rng rng(seed);
    TwoLayers<T, Y> net = Make<T, Y>(s, how, &rng);
    ASSERT_TRUE(net.Forward(stream()).ok());
    ASSERT_TRUE(net.Backward(stream()).ok());
    CheckForward(net, how);
    CheckBackward(net, how.precision);
  }

  template <class T, class Y>
  void CheckCaptured(const Arithmetic& how) {
    constexpr Size kSize = {40, 12, 33, 16};
    Rng rng(5);
    auto net = Make<T, Y>(kSize, how, &rng);
    const absl::StatusOr<Graph> graph = Graph::Capture(stream(), [&net](StreamView on) {
      RETURN_IF_ERROR(net.Forward(on));
      return net.Backward(on);
    });
    ASSERT_TRUE(graph.ok()) << graph.status();
    for (int batch = 0; batch < 3; ++batch) {
      Redraw(kSize, &rng, &net);
      UploadInputs(&net);
      ASSERT_TRUE(graph->Launch(stream()).ok());
      CheckForward(net, how);
      CheckBackward(net, how.precision);
    }
  }

  void CheckAll(Fusion fusion, uint64_t seed) {
    // Every kind of odd width, and those that cublasLt likes.
    for (const Size& s : {Size{1, 1, 1, 1},
                          {5, 3, 7, 1},
                          {1, 8, 95, 3},
                          {5, 7, 1, 8},
                          {256, 95, 8, 7},
                          {64, 16, 128, 64},
                          {70, 64, 300, 24}}) {
      CheckOnce<float>(s, {Precision::kF32, fusion}, seed++);
      CheckOnce<float>(s, {Precision::kTf32, fusion}, seed++);
      CheckOnce<__nv_bfloat16>(s, {Precision::kBf16, fusion}, seed++);
      for (const Output output : {Output::kBias, Output::kAdded}) {
        CheckOnce<float>(s, {Precision::kF32, fusion, output}, seed++);
        CheckOnce<float>(s, {Precision::kTf32, fusion, output}, seed++);
        CheckOnce<__nv_bfloat16, float>(s, {Precision::kBf16, fusion, output}, seed++);
      }
    }
  }

 private:
  // x w + b, b being of all rows or a row each.
  static Expected ExpectedSums(const Doubles& x, const Doubles& w, const Doubles& b) {
    Expected want = ExpectedProduct(x, w);
    for (size_t r = 0; r < x.rows; ++r) {
      for (size_t c = 0; c < w.cols; ++c) {
        const double added = b(b.rows == 1 ? 0 : r, c);
        want.value(r, c) += added;
        want.magnitude(r, c) += std::abs(added);
      }
    }
    return want;
  }

  static Expected Rectified(Expected want) {
    for (double& value : want.value.values) value = std::max(value, 0.0);
    return want;
  }

  std::optional<BlasLt> blas_;
};

TEST_F(LinearCudaTest, EveryPrecisionAndOddShape) { CheckAll(Fusion::kWherePossible, 1000); }

TEST_F(LinearCudaTest, WithoutFusion) { CheckAll(Fusion::kNever, 2000); }

// Which products cublasLt fuses is for each release and device to say.
TEST_F(LinearCudaTest, NoFusionWhereNoneWasAskedFor) {
  constexpr Size kSize = {64, 16, 136, 64};
  Rng rng(3);
  TwoLayers<float> fused = Make<float>(kSize, {Precision::kTf32, Fusion::kWherePossible}, &rng);
  std::printf("tf32: forward %s, backward %s\n",
              fused.lower->forward_is_fused() ? "fused" : "not fused",
              fused.upper->backward_is_fused() ? "fused" : "not fused");
  EXPECT_EQ(fused.lower->mask() != nullptr, fused.lower->forward_is_fused());
  EXPECT_EQ(fused.upper->mask(), nullptr);
  TwoLayers<float> plain = Make<float>(kSize, {Precision::kTf32, Fusion::kNever}, &rng);
  EXPECT_FALSE(plain.lower->forward_is_fused());
  EXPECT_FALSE(plain.upper->backward_is_fused());
  EXPECT_EQ(plain.lower->mask(), nullptr);
}

#ifdef RUBATO_EMULATED
class FusedEpiloguesTest : public LinearCudaTest {
 protected:
  ~FusedEpiloguesTest() override {
    emulator::SetFusedEpilogues(emulator::FusedEpilogues::kOffered);
  }
  // Whether a layer is fused then; it computes the same.
  bool IsFused(emulator::FusedEpilogues offered) {
    emulator::SetFusedEpilogues(offered);
    CheckAll(Fusion::kWherePossible, 3000);
    Rng rng(3);
    auto net = Make<float>({64, 16, 136, 64}, {Precision::kTf32, Fusion::kWherePossible}, &rng);
    EXPECT_EQ(net.lower->forward_is_fused(), net.upper->backward_is_fused());
    return net.lower->forward_is_fused();
  }
};

TEST_F(FusedEpiloguesTest, FallsBackWhereCublasHasNoFusedAlgorithmThatRuns) {
  EXPECT_TRUE(IsFused(emulator::FusedEpilogues::kOffered));
  EXPECT_FALSE(IsFused(emulator::FusedEpilogues::kRefused));
  EXPECT_FALSE(IsFused(emulator::FusedEpilogues::kInvalid));
  EXPECT_FALSE(IsFused(emulator::FusedEpilogues::kFail));
}

TEST_F(FusedEpiloguesTest, TakesTheFirstAlgorithmThatRuns) {
  EXPECT_TRUE(IsFused(emulator::FusedEpilogues::kFirstFails));
}
#endif

// A layer above that may fuse, over one that kept no mask, and the other way round.
TEST_F(LinearCudaTest, LayersNeedNotAgreeOnFusion) {
  constexpr Size kSize = {33, 16, 24, 8};
  for (const bool lower_fused : {false, true}) {
    Rng rng(4);
    TwoLayers<float> net = Make<float>(kSize, {Precision::kF32, Fusion::kWherePossible}, &rng);
    LinearOptions lower{.below = Below::kInput, .fusion = Fusion::kNever};
    LinearOptions upper{.below = Below::kRelu, .fusion = Fusion::kWherePossible};
    if (lower_fused) {
      std::swap(lower.fusion, upper.fusion);
      lower.keep_mask = KeepMask::kYes;
    }
    net.lower = MakeLayer<float>({kSize.rows, kSize.in, kSize.mid, 16, 24}, lower);
    upper.mask_below = net.lower->mask();
    net.upper = MakeLayer<float>({kSize.rows, kSize.mid, kSize.out, 24, 8}, upper);
    EXPECT_FALSE(net.upper->backward_is_fused());
    ASSERT_TRUE(net.Forward(stream()).ok());
    ASSERT_TRUE(net.Backward(stream()).ok());
    CheckForward(net, {Precision::kF32, Fusion::kNever});
    CheckBackward(net, Precision::kF32);
  }
}

// A captured step runs anew on whatever the memory holds then.
TEST_F(LinearCudaTest, CapturedStepsTakeOtherData) {
  for (const Fusion fusion : {Fusion::kWherePossible, Fusion::kNever}) {
    CheckCaptured<__nv_bfloat16, __nv_bfloat16>({Precision::kBf16, fusion});
    CheckCaptured<__nv_bfloat16, float>({Precision::kBf16, fusion, Output::kBias});
    CheckCaptured<float, float>({Precision::kF32, fusion, Output::kAdded});
  }
}

// loss = sum of c_r margin_r of a net with two hidden layers, all of it on the device.
class WholeNet : public LinearCudaTest {
 protected:
  static constexpr Size kSize = {6, 3, 5, 4};

  void SetUp() override {
    LinearCudaTest::SetUp();
    if (IsSkipped()) return;
    Rng rng(6);
    net_.emplace(Make<float>(kSize, {Precision::kF32, Fusion::kWherePossible}, &rng));
    w3_ = HoldDense<float>(Random<float>(kSize.out, 1, &rng));
    b3_ = HoldDense<float>(Random<float>(1, 1, &rng));
    d_margin_ = Upload(std::vector<float>{1.0F, -0.5F, 2.0F, 0.25F, -1.5F, 0.75F});
    margin_ = HoldNaNs(kSize.rows);
    dw3_ = HoldNaNs(kSize.out);
    db2_ = HoldNaNs(kSize.out);
    absl::StatusOr<OutputLayer<float>> output = OutputLayer<float>::Make(kSize.rows, kSize.out);
    ASSERT_TRUE(output.ok()) << output.status();
    output_.emplace(*std::move(output));
  }

  double Loss() {
    EXPECT_TRUE(net_->Forward(stream()).ok());
    EXPECT_TRUE(
        output_->Forward(stream(), net_->held_y.view(), w3_.data(), b3_.data(), margin_.data())
            .ok());
    const std::vector<float> margin = Download(margin_);
    const std::vector<float> c = Download(d_margin_);
    double loss = 0;
    for (size_t r = 0; r < margin.size(); ++r) loss += double{c[r]} * double{margin[r]};
    return loss;
  }

  void Backward() {
    ASSERT_TRUE(output_
                    ->Backward(stream(), net_->held_y.view(), d_margin_.data(), w3_.data(),
                               {dw3_.data(), net_->held_dy.view(), db2_.data()})
                    .ok());
    ASSERT_TRUE(net_->Backward(stream()).ok());
  }

  // Which relus pass: where that changes between two points, a difference is no slope.
  std::vector<bool> Passing() {
    std::vector<bool> passing;
    for (const float v : Download(net_->held_h.memory)) passing.push_back(v > 0);
    for (const float v : Download(net_->held_y.memory)) passing.push_back(v > 0);
    return passing;
  }

  // d loss / d weights[i] for all i; counts the ones that could be checked.
  void CheckSlopes(DeviceArray<float>& weights, const std::vector<float>& slopes, int* checked) {
    const std::vector<float> at = Download(weights);
    for (size_t i = 0; i < at.size(); ++i) {
      // Losses of size 10 are off by about 1e-6: the difference over 2 h by about 1e-4.
      constexpr float kStep = 0x1p-8F;
      std::vector<float> moved = at;
      moved[i] = at[i] + kStep;
      Overwrite(weights, moved);
      const double up = Loss();
      const std::vector<bool> passing = Passing();
      moved[i] = at[i] - kStep;
      Overwrite(weights, moved);
      const double down = Loss();
      if (Passing() != passing) continue;
      ++*checked;
      EXPECT_NEAR((up - down) / (2 * double{kStep}), double{slopes[i]}, 2e-3) << "weight " << i;
    }
    Overwrite(weights, at);
  }

  std::optional<TwoLayers<float>> net_;
  std::optional<OutputLayer<float>> output_;
  DeviceArray<float> w3_, b3_, d_margin_, margin_, dw3_, db2_;
};

TEST_F(WholeNet, SlopesAreFiniteDifferences) {
  Loss();
  Backward();
  const std::vector<float> dw1 = Download(net_->dw1);
  const std::vector<float> db1 = Download(net_->db1);
  const std::vector<float> dw2 = Download(net_->dw2);
  int checked = 0;
  CheckSlopes(net_->held_w1, dw1, &checked);
  CheckSlopes(net_->held_b1, db1, &checked);
  CheckSlopes(net_->held_w2, dw2, &checked);
  CheckSlopes(net_->held_b2, Download(db2_), &checked);
  CheckSlopes(w3_, Download(dw3_), &checked);
  EXPECT_GE(checked, 40);  // of 15 + 5 + 20 + 4 + 4
}

}  // namespace
}  // namespace rubato
