#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "common/base/env.h"
#include "tests/worker/compute/cuda/cuda_fixture.h"
#include "worker/compute/cuda/kernels/losses.h"

namespace rubato {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Shape {
  uint32_t rows;
  uint32_t filled;
  uint32_t outputs = 1;
  uint32_t stride = 1;
};

// A batch on the host; padded rows are NaN throughout.
struct Batch {
  Batch(const Shape& the_shape, Rng* rng) : shape(the_shape) {
    margin.assign(size_t{shape.rows} * shape.stride, kNan);
    label.assign(shape.rows, kNan);
    weight = label;
    for (uint32_t row = 0; row < shape.filled; ++row) {
      label[row] = static_cast<float>(rng->Below(std::max(shape.outputs, 2U)));
      weight[row] = static_cast<float>(2.0 * rng->Uniform());
      for (uint32_t c = 0; c < shape.outputs; ++c) {
        margin[size_t{row} * shape.stride + c] = static_cast<float>(3.0 * rng->Normal());
      }
    }
  }
  const float* Margin(uint32_t row) const { return &margin[size_t{row} * shape.stride]; }

  Shape shape;
  std::vector<float> margin;         // [rows, outputs], `stride` apart
  std::vector<float> label, weight;  // [rows]
};

struct Result {
  std::vector<float> d_margin;
  double loss = 0.0;
  std::vector<float> d_bias;
};

// Loss of one row of weight 1 in double precision, and its slopes.
using Reference = std::function<double(const Batch&, uint32_t row, std::vector<double>* slopes)>;

double LogisticReference(const Batch& batch, uint32_t row, std::vector<double>* slopes) {
  const double z = *batch.Margin(row);
  const double y = batch.label[row];
  (*slopes)[0] = 1.0 / (1.0 + std::exp(-z)) - y;
  return std::log1p(std::exp(-std::abs(z))) + std::max(z, 0.0) - z * y;
}

double PoissonReference(const Batch& batch, uint32_t row, std::vector<double>* slopes) {
  const double log_rate{*batch.Margin(row)};
  (*slopes)[0] = std::exp(log_rate) - double{batch.label[row]};
  return std::exp(log_rate) - double{batch.label[row]} * log_rate;
}

double GammaReference(const Batch& batch, uint32_t row, std::vector<double>* slopes) {
  const double z{*batch.Margin(row)};
  const double y{batch.label[row]};
  (*slopes)[0] = 1.0 - y * std::exp(-z);
  return y * std::exp(-z) + z;
}

constexpr float kPower = 1.25F;
double TweedieReference(const Batch& batch, uint32_t row, std::vector<double>* slopes) {
  const double z{*batch.Margin(row)};
  const double y{batch.label[row]};
  const double p{kPower};
  (*slopes)[0] = std::exp((2.0 - p) * z) - y * std::exp((1.0 - p) * z);
  return std::exp((2.0 - p) * z) / (2.0 - p) - y * std::exp((1.0 - p) * z) / (1.0 - p);
}

constexpr SquaredLoss kHuber = {0.25F, 2.0F, 1.0F};
double HuberReference(const Batch& batch, uint32_t row, std::vector<double>* slopes) {
  const double u = (double{batch.label[row]} - 0.25) / 2.0 - double{*batch.Margin(row)};
  (*slopes)[0] = -std::clamp(u, -1.0, 1.0);
  return std::abs(u) <= 1.0 ? u * u / 2 : std::abs(u) - 0.5;
}

constexpr float kTau = 0.9F;
double PinballReference(const Batch& batch, uint32_t row, std::vector<double>* slopes) {
  const double u = double{batch.label[row]} - double{*batch.Margin(row)};
  const double tau{kTau};
  (*slopes)[0] = u > 0.0 ? -tau : u < 0.0 ? 1.0 - tau : 0.0;
  return std::max(tau * u, (tau - 1.0) * u);
}

double SoftmaxReference(const Batch& batch, uint32_t row, std::vector<double>* slopes) {
  const float* const margin = batch.Margin(row);
  double sum = 0.0;
  for (uint32_t c = 0; c < batch.shape.outputs; ++c) sum += std::exp(double{margin[c]});
  for (uint32_t c = 0; c < batch.shape.outputs; ++c) {
    (*slopes)[c] = std::exp(double{margin[c]}) / sum - (float(c) == batch.label[row] ? 1.0 : 0.0);
  }
  return std::log(sum) - double{margin[static_cast<uint32_t>(batch.label[row])]};
}

// Of a shape's outputs: quantiles, or as many of them with their shortfalls.
QuantileLoss QuantilesOf(uint32_t outputs, bool shortfall) {
  QuantileLoss loss{.levels = shortfall ? outputs / 2 : outputs, .shortfall = shortfall};
  loss.anchor = loss.levels / 2;
  loss.center = 0.5F;
  loss.scale = 1.5F;
  for (uint32_t k = 0; k < loss.levels; ++k) {
    loss.level[k] = static_cast<float>(k + 1) / static_cast<float>(loss.levels + 1);
    loss.gap[k] = 0.25F + 0.125F * static_cast<float>(k);
    loss.depth[k] = 0.5F + 0.25F * static_cast<float>(k);
  }
  return loss;
}

// The formulas are the CPU's own, whose tests know them in another way.
template <bool kShortfall>
double QuantileReference(const Batch& batch, uint32_t row, std::vector<double>* slopes) {
  const QuantileLoss loss = QuantilesOf(batch.shape.outputs, kShortfall);
  std::vector<float> d_margin(batch.shape.outputs);
  const float of_row = loss(batch.Margin(row), batch.label[row], {1.0F, 1.0F}, d_margin.data());
  slopes->assign(d_margin.begin(), d_margin.end());
  return double{of_row};
}

// A batch and its result on the device.
struct DeviceBatch {
  Shape shape;
  DeviceArray<BatchCounts> filled;
  DeviceArray<float> margin, label, weight;
  DeviceArray<float> d_margin, d_bias;
  DeviceArray<double> loss, partials;

  LossRows rows() const {
    return {.filled = filled.data(),
            .margin = {margin.data(), shape.rows, shape.outputs, shape.stride},
            .label = label.data(),
            .weight = weight.data()};
  }
  LossSlopes slopes() {
    return {.d_margin = {d_margin.data(), shape.rows, shape.outputs, shape.stride},
            .loss = loss.data(),
            .d_bias = d_bias.data(),
            .partials = partials.data()};
  }
};

using Put = std::function<absl::Status(StreamView, DeviceBatch&)>;

absl::Status PutLogistic(StreamView stream, DeviceBatch& at) {
  return RowLossAsync(stream, LogisticLoss{}, at.rows(), at.slopes());
}
absl::Status PutPoisson(StreamView stream, DeviceBatch& at) {
  return RowLossAsync(stream, PoissonLoss{}, at.rows(), at.slopes());
}
absl::Status PutGamma(StreamView stream, DeviceBatch& at) {
  return RowLossAsync(stream, GammaLoss{}, at.rows(), at.slopes());
}
absl::Status PutTweedie(StreamView stream, DeviceBatch& at) {
  return RowLossAsync(stream, TweedieLoss{kPower}, at.rows(), at.slopes());
}
absl::Status PutHuber(StreamView stream, DeviceBatch& at) {
  return RowLossAsync(stream, kHuber, at.rows(), at.slopes());
}
absl::Status PutPinball(StreamView stream, DeviceBatch& at) {
  return RowLossAsync(stream, PinballLoss{kTau}, at.rows(), at.slopes());
}
absl::Status PutSoftmax(StreamView stream, DeviceBatch& at) {
  return JointLossAsync(stream, SoftmaxLoss{at.shape.outputs}, at.rows(), at.slopes());
}
template <bool kShortfall>
absl::Status PutQuantiles(StreamView stream, DeviceBatch& at) {
  const QuantileLoss loss = QuantilesOf(at.shape.outputs, kShortfall);
  return JointLossAsync(stream, loss, at.rows(), at.slopes());
}

class LossesTest : public CudaTest {
 protected:
  // Outputs are NaN.
  DeviceBatch UploadBatch(const Batch& batch) {
    const auto [rows, filled, outputs, stride] = batch.shape;
    const size_t partials = LossPartials(rows, outputs);
    return {.shape = batch.shape,
            .filled = Upload<BatchCounts>({{.rows = filled}}),
            .margin = Upload(batch.margin),
            .label = Upload(batch.label),
            .weight = Upload(batch.weight),
            .d_margin = Upload(std::vector<float>(batch.margin.size(), kNan)),
            .d_bias = Upload(std::vector<float>(outputs, kNan)),
            .loss = Upload<double>({std::nan("")}),
            .partials = Upload(std::vector<double>(partials, std::nan("")))};
  }
  Result Fetch(const DeviceBatch& at) {
    return {Download(at.d_margin), Download(at.loss)[0], Download(at.d_bias)};
  }
  Result Run(const Batch& batch, const Put& put) {
    DeviceBatch at = UploadBatch(batch);
    const absl::Status status = put(stream(), at);
    EXPECT_TRUE(status.ok()) << status;
    return Fetch(at);
  }

  // Exponentials and logarithms of the device are off by up to 2 units in the last place of a
  // float, margins of up to about 15 and their sums by half a unit each: 1e-6 of exp(15 + 4), or
  // 2e-5 of a loss.
  static void Check(const Batch& batch, const Result& result, const Reference& reference);
  void CheckLoss(const Shape& shape, const Put& put, const Reference& reference);
  void CheckPredictions(const Target& target, const Batch& batch);
};

void LossesTest::Check(const Batch& batch, const Result& result, const Reference& reference) {
  const auto [rows, filled, outputs, stride] = batch.shape;
  double loss = 0.0;
  double size = 0.0;
  std::vector<double> slopes(outputs), bias(outputs), bias_size(outputs);
  for (uint32_t row = 0; row < rows; ++row) {
    if (row < filled) {
      const double weight{batch.weight[row]};
      const double part = weight * reference(batch, row, &slopes) / filled;
      loss += part;
      size += std::abs(part) + weight / filled;
      for (double& slope : slopes) slope *= weight / filled;
    } else {
      slopes.assign(outputs, 0.0);
    }
    for (uint32_t c = 0; c < outputs; ++c) {
      const double slope{result.d_margin[size_t{row} * stride + c]};
      const double error = row < filled ? 1e-5 * (std::abs(slopes[c]) + 1.0 / filled) : 0.0;
      ASSERT_NEAR(slope, slopes[c], error) << "row " << row << ", output " << c;
      bias[c] += slope;
      bias_size[c] += std::abs(slope);
    }
  }
  EXPECT_NEAR(result.loss, loss, 2e-5 * size);
  // Of the slopes that are there: only the sum's own rounding to float.
  for (uint32_t c = 0; c < outputs; ++c) {
    EXPECT_NEAR(double{result.d_bias[c]}, bias[c], 1e-7 * std::abs(bias[c]) + 1e-14 * bias_size[c]);
  }
  for (size_t i = 0; i < result.d_margin.size(); ++i) {
    EXPECT_EQ(std::isnan(result.d_margin[i]), i % stride >= outputs) << "element " << i;
  }
}

void LossesTest::CheckLoss(const Shape& shape, const Put& put, const Reference& reference) {
  const uint64_t seed = RandomSeed();
  SCOPED_TRACE(testing::Message() << "seed " << seed << ", rows " << shape.filled << " of "
                                  << shape.rows << ", outputs " << shape.outputs);
  Rng rng(seed);
  const Batch batch(shape, &rng);
  Check(batch, Run(batch, put), reference);
}

// Of the filled rows; [rows, outputs] without a stride.
void LossesTest::CheckPredictions(const Target& target, const Batch& batch) {
  const auto [rows, filled, outputs, stride] = batch.shape;
  const DeviceArray<float> margin = Upload(batch.margin);
  DeviceArray<float> prediction = Upload(std::vector<float>(size_t{rows} * outputs, kNan));
  const DeviceMatrix<const float> margins{margin.data(), rows, outputs, stride};
  ASSERT_TRUE(PredictAsync(stream(), {.target = target}, margins, prediction.data()).ok());
  const std::vector<float> got = Download(prediction);
  std::vector<float> expected(outputs);
  for (uint32_t row = 0; row < filled; ++row) {
    std::visit(
        [&]<class T>(const T& of) {
          if constexpr (HasJointLoss<T>) of.Predict(batch.Margin(row), expected.data());
        },
        target);
    for (uint32_t c = 0; c < outputs; ++c) {
      ASSERT_NEAR(got[row * outputs + c], expected[c], 2e-6F * (1.0F + std::abs(expected[c])));
    }
  }
}

// One row; none; padding; no multiple of a block; a stride.
constexpr Shape kShapes[] = {{1, 1}, {1, 0}, {257, 0}, {300, 100}, {511, 511}, {700, 699, 1, 4}};

TEST_F(LossesTest, LogisticIsTheReference) {
  for (const Shape& shape : kShapes) CheckLoss(shape, PutLogistic, LogisticReference);
  // More rows than the grid has threads.
  CheckLoss({300'001, 299'990}, PutLogistic, LogisticReference);
}

TEST_F(LossesTest, PoissonIsTheReference) {
  for (const Shape& shape : kShapes) CheckLoss(shape, PutPoisson, PoissonReference);
}

TEST_F(LossesTest, MeansAndNumbersAreTheReference) {
  for (const Shape& shape : kShapes) {
    CheckLoss(shape, PutGamma, GammaReference);
    CheckLoss(shape, PutTweedie, TweedieReference);
    CheckLoss(shape, PutHuber, HuberReference);
  }
}

TEST_F(LossesTest, PinballIsTheReference) {
  for (const Shape& shape : kShapes) CheckLoss(shape, PutPinball, PinballReference);
}

// Groups of 2 to 32 lanes, full and not; more classes than lanes, and than threads; more rows than
// the grid has groups.
TEST_F(LossesTest, SoftmaxIsTheReference) {
  for (const Shape& shape : {Shape{1, 1, 2, 2},
                             {5, 0, 3, 3},
                             {300, 257, 2, 2},
                             {77, 70, 3, 4},
                             {50, 50, 32, 32},
                             {33, 20, 33, 40},
                             {9, 7, 300, 300},
                             {9'001, 9'000, 40, 40}}) {
    CheckLoss(shape, PutSoftmax, SoftmaxReference);
  }
}

// Up to as many levels as there can be.
TEST_F(LossesTest, QuantilesAreTheReference) {
  for (const Shape& shape : kShapes) {
    CheckLoss(shape, PutQuantiles<false>, QuantileReference<false>);
  }
  for (const Shape& shape : {Shape{1, 1, 2, 2}, {5, 0, 2, 8}, {300, 257, 4, 4}, {77, 70, 10, 16}}) {
    CheckLoss(shape, PutQuantiles<false>, QuantileReference<false>);
    CheckLoss(shape, PutQuantiles<true>, QuantileReference<true>);
  }
  CheckLoss({300, 299, 2 * kMaxQuantiles, 40}, PutQuantiles<true>, QuantileReference<true>);
}

// A target's loss is the one that it says, and its predictions are those of the CPU.
TEST_F(LossesTest, TargetsTakeTheirOwn) {
  Rng rng(1);
  const Batch batch({70, 60, 4, 8}, &rng);
  QuantileTarget quantiles;
  quantiles.loss = QuantilesOf(4, true);
  for (const Target& target : {Target(ClassesTarget{{4}}), Target(quantiles)}) {
    const bool classes = std::holds_alternative<ClassesTarget>(target);
    const Result result = Run(batch, [&](StreamView on, DeviceBatch& at) {
      return TargetLossAsync(on, target, at.rows(), at.slopes());
    });
    Check(batch, result, classes ? SoftmaxReference : QuantileReference<true>);
    CheckPredictions(target, batch);
  }
  CheckPredictions(ClassesTarget{{300}}, Batch({9, 9, 300, 304}, &rng));
}

// Margins at which a naive formula overflows, labels on the margin; weights of 1.
TEST_F(LossesTest, ExtremesAreThoseOfTheCpu) {
  Rng rng(1);
  Batch batch({4, 4}, &rng);
  batch.weight.assign(4, 1.0F);
  batch.margin = {200.0F, -200.0F, 0.0F, 3e38F};
  batch.label = {0.0F, 1.0F, 0.0F, 1.0F};
  Result result = Run(batch, PutLogistic);
  EXPECT_EQ(result.d_margin, (std::vector<float>{0.25F, -0.25F, 0.125F, 0.0F}));
  EXPECT_NEAR(result.loss, (200.0 + 200.0 + std::log(2.0)) / 4, 1e-5);

  result = Run(batch, PutPinball);
  EXPECT_EQ(result.d_margin,
            (std::vector<float>{(1.0F - kTau) / 4, -kTau / 4, 0.0F, (1.0F - kTau) / 4}));
  batch.margin = {1000.0F, -1000.0F, 0.0F, 40.0F};
  result = Run(batch, PutPoisson);
  EXPECT_EQ(result.d_margin[0], result.d_margin[3]);  // the rate stops growing at exp(40)
  EXPECT_NEAR(double{result.d_margin[0]} * 4 / std::exp(40.0), 1.0, 1e-6);
  EXPECT_EQ(result.d_margin[1], -0.25F);
  EXPECT_NEAR(result.loss / (std::exp(40.0) * 962 / 4), 1.0, 1e-5);

  Batch classes({2, 2, 2, 2}, &rng);
  classes.weight.assign(2, 1.0F);
  classes.margin = {1000.0F, -1000.0F, 5.0F, 5.0F};
  classes.label = {1.0F, 0.0F};
  result = Run(classes, PutSoftmax);
  EXPECT_EQ(result.d_margin, (std::vector<float>{0.5F, -0.5F, -0.25F, 0.25F}));
  EXPECT_NEAR(result.loss, (2000.0 + std::log(2.0)) / 2, 1e-3);

  Batch sure({2, 2}, &rng);
  sure.label.assign(2, 0.0F);
  result = Run(sure, PutSoftmax);
  EXPECT_EQ(result.d_margin, std::vector<float>(2, 0.0F));
  EXPECT_EQ(result.loss, 0.0);
}

// A run that diverged is seen; so is a label that is no class.
TEST_F(LossesTest, WhatIsNotANumberComesOutAsOne) {
  Rng rng(1);
  for (const auto put : {PutLogistic, PutPoisson, PutGamma, PutTweedie, PutHuber, PutPinball}) {
    Batch batch({3, 2}, &rng);
    batch.margin[1] = kNan;
    const Result result = Run(batch, put);
    EXPECT_TRUE(std::isnan(result.loss) && std::isnan(result.d_bias[0]));
    EXPECT_TRUE(std::isfinite(result.d_margin[0]) && std::isnan(result.d_margin[1]));
    EXPECT_EQ(result.d_margin[2], 0.0F);
  }
  for (const auto put : {PutQuantiles<false>, PutQuantiles<true>}) {
    Batch batch({3, 2, 4, 4}, &rng);
    batch.margin[6] = kNan;  // one of the row's four, and not all quantiles hang on it
    const Result result = Run(batch, put);
    EXPECT_TRUE(std::isnan(result.loss) && std::isnan(result.d_bias[2]));
    for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(std::isfinite(result.d_margin[i])) << i;
    for (size_t i = 8; i < 12; ++i) EXPECT_EQ(result.d_margin[i], 0.0F) << i;
  }
  for (const float label : {-1.0F, 3.0F, 0.5F, kNan}) {
    Batch batch({2, 2, 3, 3}, &rng);
    batch.label[1] = label;
    const Result result = Run(batch, PutSoftmax);
    EXPECT_TRUE(std::isnan(result.loss) && std::isnan(result.d_bias[2])) << label;
    for (size_t i = 0; i < 6; ++i) EXPECT_EQ(std::isnan(result.d_margin[i]), i >= 3);
  }
}

// One captured graph fits every number of filled rows, and the same batch gives the same bits.
TEST_F(LossesTest, AGraphFitsEveryFilling) {
  const uint64_t seed = RandomSeed();
  SCOPED_TRACE(seed);
  Rng rng(seed);
  const Batch full({600, 600, 3, 3}, &rng);
  DeviceBatch at = UploadBatch(full);
  const absl::StatusOr<Graph> graph =
      Graph::Capture(stream(), [&](StreamView captured) { return PutSoftmax(captured, at); });
  ASSERT_TRUE(graph.ok()) << graph.status();
  for (const uint32_t filled : {600U, 1U, 0U, 599U}) {
    Batch batch = full;
    batch.shape.filled = filled;
    Overwrite(at.filled, {BatchCounts{.rows = filled}});
    ASSERT_TRUE(graph->Launch(stream()).ok());
    const Result first = Fetch(at);
    Check(batch, first, SoftmaxReference);
    ASSERT_TRUE(graph->Launch(stream()).ok());
    const Result second = Fetch(at);
    EXPECT_EQ(second.d_margin, first.d_margin);
    EXPECT_EQ(second.d_bias, first.d_bias);
    EXPECT_EQ(second.loss, first.loss);
  }
}

TEST_F(LossesTest, PredictionsAreThoseOfTheCpu) {
  constexpr float kShift = -0.75F;
  const uint64_t seed = RandomSeed();
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (const uint32_t stride : {1U, 3U}) {
    std::vector<float> margin(515 * stride, kNan);
    std::vector<float> dense(515);
    std::vector<float> offset(515);
    for (size_t row = 0; row < dense.size(); ++row) {
      dense[row] = static_cast<float>(10.0 * rng.Normal());
      margin[row * stride] = dense[row];
      offset[row] = static_cast<float>(rng.Normal());
    }
    dense[7] = margin[7 * stride] = 500.0F;
    dense[8] = margin[8 * stride] = -500.0F;
    std::vector<float> expected(515);
    for (size_t row = 0; row < dense.size(); ++row) {
      expected[row] = BinaryTarget::Predict(dense[row] + offset[row] + kShift);
    }
    const DeviceArray<float> on_device = Upload(margin);
    const DeviceArray<float> offsets = Upload(offset);
    DeviceArray<float> probability = Upload(std::vector<float>(515, kNan));
    ASSERT_TRUE(PredictAsync(stream(),
                             {.target = BinaryTarget(), .shift = kShift, .offset = offsets.data()},
                             {on_device.data(), 515, 1, stride}, probability.data())
                    .ok());
    const std::vector<float> got = Download(probability);
    // 2 units in the last place of the exponential, 1 of the division.
    for (size_t row = 0; row < got.size(); ++row) {
      EXPECT_NEAR(double{got[row]}, double{expected[row]}, 4e-7 * double{expected[row]} + 1e-38);
    }
  }
}

}  // namespace
}  // namespace rubato
