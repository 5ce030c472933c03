// Models on the device against the CPU's: the same keys, gradients, losses and predictions for
// random batches of every shape, one at a time and with several in flight.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/worker/compute/cpu/make_model.h"
#include "tests/worker/compute/cpu/random_batch.h"
#include "tests/worker/compute/cuda/cuda_fixture.h"
#include "tests/worker/compute/cuda/gpu_model.h"
#include "worker/compute/cuda/network/gpu_pipeline.h"
#include "worker/compute/cuda/network/model_on_gpu.h"

namespace rubato {
namespace {

struct Kind {
  std::string model;
  std::string precision = "f32";
  std::string target = "binary";
  uint32_t outputs = 1;  // classes, or quantiles
  bool shortfall = false;
};

bool IsJoint(const Kind& kind) { return kind.target == "classes" || kind.target == "quantile"; }

std::string NameOf(const testing::TestParamInfo<Kind>& info) {
  const Kind& kind = info.param;
  std::string name = absl::StrCat(kind.model, "_", kind.precision, "_", kind.target);
  if (IsJoint(kind)) absl::StrAppend(&name, kind.outputs);
  return kind.shortfall ? name + "_shortfall" : name;
}

RunConfig ConfigOf(const Kind& kind) {
  RunConfig config;
  config.model.kind = kind.model;
  config.model.hidden = {16, 7};
  config.model.embedding_dim = 5;
  config.train.precision = kind.precision;
  config.target.kind = kind.target;
  for (uint32_t k = 0; kind.target == "quantile" && k < kind.outputs; ++k) {
    config.target.quantiles.push_back((k + 0.5) / kind.outputs);
  }
  config.target.expected_shortfall = kind.shortfall;
  return config;
}

Prior PriorOf(const Kind& kind) {
  if (!IsJoint(kind)) return {};
  const bool classes = kind.target == "classes";
  Prior prior = {.predictions = {}, .scale = classes ? 1.0 : 1.5};
  for (uint32_t k = 0; k < kind.outputs; ++k) {
    prior.predictions.push_back(classes ? 1.0 / kind.outputs : 0.5 * k - 1.0);
  }
  for (uint32_t k = 0; kind.shortfall && k < kind.outputs; ++k) {
    prior.predictions.push_back(prior.predictions[k] - 0.75);
  }
  return prior;
}

// Labels of several outputs; RandomBatch's are 0 and 1. Numbers lie far from every quantile, where
// the loss has corners: what is a rounding apart is not on another side.
void DrawLabels(const Kind& kind, Rng* rng, Batch* batch) {
  for (float& label : batch->labels) {
    if (kind.target == "classes") label = static_cast<float>(rng->Below(kind.outputs));
    if (kind.target == "quantile") label = rng->Chance(0.4) ? -10.0F : 10.0F;
  }
}

// Of losses, and of predictions that are probabilities or means. Single precision: sums of some
// hundred terms in another order. tf32 rounds inputs of products to 11 bits, bf16 everything
// between layers to 8.
double Tolerance(const Kind& kind) {
  return kind.precision == "f32" ? 2e-5 : kind.precision == "tf32" ? 3e-3 : 3e-2;
}
// A probability is off by a quarter of what its margin is, a quantile by all of it, in deviations.
double PredictionTolerance(const Kind& kind) {
  return kind.target == "quantile" ? 4 * PriorOf(kind).scale * Tolerance(kind) : Tolerance(kind);
}
// Of gradients, relative to their norm, which in a batch of one row may be of one small slope.
// Where the input of a relu is within a rounding of zero, a whole slope comes or goes: in 64 rows
// and 23 units that happens about once with tf32, and is a tenth of what one embedding gets.
double GradientTolerance(const Kind& kind) {
  return kind.precision == "f32" ? 1e-4 : kind.precision == "tf32" ? 1.5e-1 : 3e-1;
}
// In small batches one such slope is much of all.
size_t LeastRows(const Kind& kind) { return kind.precision == "f32" ? 1 : 64; }

double Distance(const Floats& a, const Floats& b) {
  EXPECT_EQ(a.size(), b.size());
  double difference = 0;
  double norm = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    difference += std::pow(double{a[i]} - double{b[i]}, 2);
    norm += std::pow(double{b[i]}, 2);
  }
  return norm == 0 ? std::sqrt(difference) : std::sqrt(difference / norm);
}

class ModelCudaTest : public CudaTest, public testing::WithParamInterface<Kind> {
 protected:
  void Open(const DatasetShape& shape) {
    if (IsSkipped()) return;
    shape_ = shape;
    config_ = ConfigOf(GetParam());
    auto on_cpu = MakeModel(config_, shape_, PriorOf(GetParam()));
    ASSERT_TRUE(on_cpu.ok()) << on_cpu.status();
    on_cpu_ = *std::move(on_cpu);
    const GpuModel model = GpuModelOf(config_, shape_, PriorOf(GetParam()));
    auto on_gpu = MakeModelOnGpu(model, &pool_);
    ASSERT_TRUE(on_gpu.ok()) << on_gpu.status();
    on_gpu_ = *std::move(on_gpu);
    auto pipeline = GpuPipeline::Make(model, &pool_);
    ASSERT_TRUE(pipeline.ok()) << pipeline.status();
    pipeline_ = *std::move(pipeline);
  }

  Batch Drawn(const BatchOptions& options) {
    Batch batch = RandomBatch(shape_, options, &rng_);
    DrawLabels(GetParam(), &rng_, &batch);
    return batch;
  }

  Parameters RandomWeights(const Batch& batch) {
    Parameters rows;
    on_cpu_->FindKeys(batch, &rows);
    RandomValues(on_cpu_->tables(), 0.3, &rng_, &rows);
    return rows;
  }

  void ExpectSame(const Parameters& gradients, const Parameters& expected) {
    ASSERT_EQ(gradients.size(), expected.size());
    for (size_t t = 0; t < gradients.size(); ++t) {
      SCOPED_TRACE(on_cpu_->tables()[t].name);
      EXPECT_EQ(gradients[t].table, expected[t].table);
      ASSERT_EQ(gradients[t].keys, expected[t].keys);
      EXPECT_LT(Distance(gradients[t].values, expected[t].values), GradientTolerance(GetParam()));
    }
  }

  // One batch through both models.
  void Compare(const Batch& batch) {
    const Parameters weights = RandomWeights(batch);
    Parameters expected;
    Parameters gradients;
    const absl::StatusOr<double> expected_loss = on_cpu_->Gradients(batch, weights, &expected);
    const absl::StatusOr<double> loss = on_gpu_->Gradients(batch, weights, &gradients);
    ASSERT_TRUE(loss.ok()) << loss.status();
    EXPECT_NEAR(*loss, *expected_loss, Tolerance(GetParam()) * (1 + std::abs(*expected_loss)));
    ExpectSame(gradients, expected);
    std::vector<float> expected_prediction(batch.rows * on_cpu_->spec().outputs());
    std::vector<float> prediction(expected_prediction.size(), -1.0F);
    ASSERT_TRUE(on_cpu_->Predict(batch, weights, expected_prediction).ok());
    ASSERT_TRUE(on_gpu_->Predict(batch, weights, prediction).ok());
    for (size_t i = 0; i < prediction.size(); ++i) {
      EXPECT_NEAR(prediction[i], expected_prediction[i],
                  PredictionTolerance(GetParam()) * (1 + std::abs(expected_prediction[i])))
          << i;
    }
  }

  DatasetShape shape_;
  RunConfig config_;
  PinnedPool pool_;
  std::unique_ptr<Model> on_cpu_;
  std::unique_ptr<Model> on_gpu_;
  std::unique_ptr<GpuPipeline> pipeline_;
  Rng rng_{11};
};

TEST_P(ModelCudaTest, AgreesWithTheCpuOnEveryKindOfColumn) {
  std::vector<DatasetShape> shapes = {
      MakeShape(3, {4, 1, 9}, 50), MakeShape(5, {}, 0),      MakeShape(0, {6, 2}, 0),
      MakeShape(0, {}, 30),        MakeShape(1, {3}, 1),     MakeShape(2, {}, uint64_t{1} << 40),
      MakeShape(9, {1}, 0),        MakeShape(0, {2, 2}, 17),
  };
  if (!IsJoint(GetParam())) {
    shapes.emplace_back(shapes.front()).offsets = true;
    shapes.emplace_back(shapes.back()).sparse_keys = 0;
  }
  for (const DatasetShape& shape : shapes) {
    SCOPED_TRACE(absl::StrCat(shape.numeric_columns, " numeric, ", shape.category_columns,
                              " categories, ", shape.sparse_keys, " sparse keys, offsets ",
                              shape.offsets));
    Open(shape);
    if (IsSkipped()) return;
    for (const size_t rows : {size_t{1}, size_t{5}, size_t{64}, size_t{300}}) {
      if (rows >= LeastRows(GetParam())) Compare(Drawn({.rows = rows}));
    }
    Compare(Drawn({.rows = 70, .same_keys = true}));
  }
}

TEST_P(ModelCudaTest, KeepsBatchesInFlightApart) {
  Open(MakeShape(2, {5, 3}, 40));
  if (IsSkipped()) return;
  std::deque<Batch> batches;
  std::deque<Parameters> weights;
  std::deque<Parameters> pulled;  // the same, of those not begun
  size_t begun = 0;
  for (int i = 0; i < 30; ++i) {
    // Larger batches come late, so that room is made while others are in flight.
    const size_t rows = LeastRows(GetParam()) + rng_.Below(static_cast<uint64_t>(4 + i));
    batches.push_back(Drawn({.rows = rows}));
    weights.push_back(RandomWeights(batches.back()));
    Parameters keys;
    ASSERT_TRUE(pipeline_->Prepare(batches.back(), &keys).ok());
    for (size_t t = 0; t < keys.size(); ++t) {
      ASSERT_EQ(keys[t].keys, weights.back()[t].keys);
      keys[t].values.assign(weights.back()[t].values.begin(), weights.back()[t].values.end());
    }
    pulled.push_back(std::move(keys));
    while (begun < batches.size() && rng_.Chance(0.6)) {
      ASSERT_TRUE(pipeline_->Begin(std::move(pulled.front())).ok());
      pulled.pop_front();
      ++begun;
    }
    while (begun > 0 && rng_.Chance(0.5)) {
      Parameters gradients;
      Parameters expected;
      const auto loss = pipeline_->Finish(&gradients);
      const auto expected_loss = on_cpu_->Gradients(batches[0], weights[0], &expected);
      ASSERT_TRUE(loss.ok()) << loss.status();
      EXPECT_NEAR(*loss, *expected_loss, Tolerance(GetParam()) * (1 + std::abs(*expected_loss)));
      ExpectSame(gradients, expected);
      batches.pop_front();
      weights.pop_front();
      --begun;
    }
  }
}

TEST_P(ModelCudaTest, TheSameBatchGivesTheSameBits) {
  Open(MakeShape(3, {7, 2}, 25));
  if (IsSkipped()) return;
  constexpr uint64_t kMostRows = 120;
  // Bits are one capacity's: a product of other rows may be another algorithm's.
  const Batch largest = Drawn({.rows = kMostRows});
  Parameters first;
  ASSERT_TRUE(on_gpu_->Gradients(largest, RandomWeights(largest), &first).ok());
  const Batch batch = Drawn({.rows = 90});
  const Parameters weights = RandomWeights(batch);
  const auto loss = on_gpu_->Gradients(batch, weights, &first);
  for (int i = 0; i < 5; ++i) {
    // Something else passes through the same buffers.
    const Batch other = Drawn({.rows = 1 + rng_.Below(kMostRows)});
    Parameters gradients;
    ASSERT_TRUE(on_gpu_->Gradients(other, RandomWeights(other), &gradients).ok());
    const auto again = on_gpu_->Gradients(batch, weights, &gradients);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(*again, *loss);
    for (size_t t = 0; t < first.size(); ++t) EXPECT_EQ(gradients[t].values, first[t].values);
  }
}

// What is not a number is seen, and does not stay behind in padding for the batches after it.
TEST_P(ModelCudaTest, WhatIsNotANumberPasses) {
  Open(MakeShape(3, {4, 2}, 30));
  if (IsSkipped()) return;
  const size_t least = LeastRows(GetParam());
  Batch broken = Drawn({.rows = least + 40});
  Parameters gradients;
  ASSERT_TRUE(on_gpu_->Gradients(broken, RandomWeights(broken), &gradients).ok());
  for (const size_t row : {size_t{3}, least + 39}) {
    broken.numeric[3 * row + 1] = std::numeric_limits<float>::quiet_NaN();
  }
  const auto loss = on_gpu_->Gradients(broken, RandomWeights(broken), &gradients);
  ASSERT_TRUE(loss.ok()) << loss.status();
  // A relu makes a zero of what is not a number.
  EXPECT_TRUE(std::isnan(*loss) || GetParam().model == "mlp");
  Compare(Drawn({.rows = least}));
  Compare(Drawn({.rows = least + 40}));
}

INSTANTIATE_TEST_SUITE_P(Kinds, ModelCudaTest,
                         testing::Values(Kind{"linear"}, Kind{"mlp"}, Kind{"wide_deep"},
                                         Kind{"deepfm"}, Kind{"deepfm", "tf32"},
                                         Kind{"deepfm", "bf16"},
                                         Kind{"linear", "f32", "classes", 3},
                                         Kind{"deepfm", "f32", "classes", 12},
                                         Kind{"deepfm", "bf16", "classes", 5},
                                         Kind{"deepfm", "f32", "quantile", 2, true}),
                         NameOf);

// Of every kind of column; binary labels are the kinds' above.
class TargetCudaTest : public ModelCudaTest {};

TEST_P(TargetCudaTest, AgreesWithTheCpu) {
  Open(MakeShape(3, {4, 1, 9}, 50));
  if (IsSkipped()) return;
  const bool exact = GetParam().precision == "f32";
  for (const size_t rows : exact ? std::vector<size_t>{1, 65} : std::vector<size_t>{300}) {
    Batch batch = Drawn({.rows = rows});
    if (!IsJoint(GetParam())) {
      for (float& label : batch.labels) label += 0.5F * static_cast<float>(rng_.Below(7));
    }
    Compare(batch);
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, TargetCudaTest,
                         testing::Values(Kind{"deepfm", "f32", "count"},
                                         Kind{"deepfm", "f32", "amount"},
                                         Kind{"deepfm", "f32", "tweedie"},
                                         Kind{"deepfm", "f32", "real"}),
                         NameOf);

// Every model of several outputs, as many as make every kind of odd width.
std::vector<Kind> JointKinds() {
  std::vector<Kind> kinds;
  for (const std::string precision : {"f32", "tf32", "bf16"}) {
    for (const std::string model : {"linear", "mlp", "wide_deep", "deepfm"}) {
      for (const uint32_t classes : {3U, 10U, 33U, 257U}) {
        kinds.push_back({model, precision, "classes", classes});
      }
      for (const uint32_t levels : {1U, 2U, 5U}) {
        kinds.push_back({model, precision, "quantile", levels});
        kinds.push_back({model, precision, "quantile", levels, true});
      }
    }
  }
  return kinds;
}

INSTANTIATE_TEST_SUITE_P(Joint, TargetCudaTest, testing::ValuesIn(JointKinds()), NameOf);

}  // namespace
}  // namespace rubato
