// Training without servers against a server's tables and update rules fed by the CPU's model: the
// same batches from the same first weights give the same losses and, at the end, the same weights.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/worker/compute/cpu/make_model.h"
#include "tests/worker/compute/cpu/random_batch.h"
#include "tests/worker/compute/cpu/reference_training.h"
#include "tests/worker/compute/cuda/cuda_fixture.h"
#include "tests/worker/compute/cuda/gpu_model.h"
#include "worker/compute/cuda/network/local_training_on_gpu.h"

namespace rubato {
namespace {

struct Case {
  std::string model;
  std::string optimizer;
  std::string target = "binary";
};

constexpr uint32_t kClasses = 5;

Prior PriorOf(const std::string& target) {
  if (target == "classes") return {.predictions = std::vector<double>(kClasses, 1.0 / kClasses)};
  if (target == "quantile") return {.predictions = {0.1, 0.6, -0.5, -0.2}, .scale = 0.8};
  return {};
}

class LocalTrainingTest : public CudaTest, public testing::WithParamInterface<Case> {
 protected:
  void Open(const DatasetShape& shape) {
    if (IsSkipped()) return;
    shape_ = shape;
    config_.model = {.kind = GetParam().model, .hidden = {12, 5}, .embedding_dim = 4};
    config_.optimizer.kind = GetParam().optimizer;
    config_.optimizer.l2 = 1e-3;
    config_.train.batch = 40;
    config_.train.seed = 7;
    config_.target.kind = GetParam().target;
    if (GetParam().target == "quantile") config_.target.quantiles = {0.2, 0.7};
    config_.target.expected_shortfall = GetParam().target == "quantile";
    const Prior prior = PriorOf(GetParam().target);
    auto on_cpu = MakeModel(config_, shape_, prior);
    ASSERT_TRUE(on_cpu.ok()) << on_cpu.status();
    on_cpu_ = *std::move(on_cpu);
    reference_ = std::make_unique<ReferenceTraining>(on_cpu_.get(), 7);
    auto training = MakeLocalTrainingOnGpu(GpuModelOf(config_, shape_, prior));
    ASSERT_TRUE(training.ok()) << training.status();
    training_ = *std::move(training);
  }

  Batch Drawn(size_t rows) {
    Batch batch = RandomBatch(shape_, {.rows = rows}, &rng_);
    for (float& label : batch.labels) {
      if (GetParam().target == "classes") label = static_cast<float>(rng_.Below(kClasses));
      if (GetParam().target == "quantile") label = static_cast<float>(rng_.Normal());
    }
    return batch;
  }

  DatasetShape shape_;
  RunConfig config_;
  std::unique_ptr<Model> on_cpu_;
  std::unique_ptr<ReferenceTraining> reference_;
  std::unique_ptr<LocalTraining> training_;
  Rng rng_{5};
};

TEST_P(LocalTrainingTest, GoesTheWayOfServersInStep) {
  Open(MakeShape(2, {5, 9}, 30));
  if (IsSkipped()) return;
  double expected_loss = 0;
  double rows = 0;
  for (int i = 0; i < 30; ++i) {
    // Some are short, as the last of an epoch, and they grow in sparse features.
    const Batch batch = Drawn(i % 4 == 3 ? 1 + rng_.Below(39) : 40);
    expected_loss += reference_->Step(batch) * static_cast<double>(batch.rows);
    rows += static_cast<double>(batch.rows);
    ASSERT_TRUE(training_->Step(batch).ok());
    if (i % 10 != 9) continue;
    const auto loss = training_->TakeLoss();
    ASSERT_TRUE(loss.ok()) << loss.status();
    EXPECT_NEAR(*loss, expected_loss / rows, 1e-3) << "after step " << i;
    expected_loss = rows = 0;
  }
  EXPECT_EQ(*training_->TakeLoss(), 0) << "no steps since";
  const Batch test = RandomBatch(shape_, {.rows = 200}, &rng_);
  Parameters keys;
  on_cpu_->FindKeys(test, &keys);
  const auto weights = training_->Read(std::move(keys));
  ASSERT_TRUE(weights.ok()) << weights.status();
  std::vector<float> probability(test.rows * on_cpu_->spec().outputs());
  ASSERT_TRUE(on_cpu_->Predict(test, *weights, probability).ok());
  const std::vector<float> expected = reference_->Predict(test);
  // Roundings grow from step to step; adam divides small slopes by small slopes.
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(probability[i], expected[i], 5e-3) << i;
}

TEST_P(LocalTrainingTest, BeginsWithTheWeightsOfServers) {
  Open(MakeShape(3, {4, 4}, 12));
  if (IsSkipped()) return;
  const Batch batch = RandomBatch(shape_, {.rows = 90}, &rng_);
  Parameters keys;
  on_cpu_->FindKeys(batch, &keys);
  const auto weights = training_->Read(std::move(keys));
  ASSERT_TRUE(weights.ok()) << weights.status();
  std::vector<float> probability(batch.rows * on_cpu_->spec().outputs());
  ASSERT_TRUE(on_cpu_->Predict(batch, *weights, probability).ok());
  EXPECT_EQ(probability, reference_->Predict(batch));
}

TEST_P(LocalTrainingTest, AKeySpaceThatCannotBeThereWholeIsASentence) {
  Open(MakeShape(1, {3}, 10));
  if (IsSkipped()) return;
  const DatasetShape vast = MakeShape(1, {3}, uint64_t{1} << 40);
  const auto training =
      MakeLocalTrainingOnGpu(GpuModelOf(config_, vast, PriorOf(GetParam().target)));
  ASSERT_FALSE(training.ok());
  EXPECT_EQ(training.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(training.status().message().find("train with servers"), absl::string_view::npos);
}

INSTANTIATE_TEST_SUITE_P(Cases, LocalTrainingTest,
                         testing::Values(Case{"linear", "ftrl"}, Case{"mlp", "adam"},
                                         Case{"wide_deep", "momentum"}, Case{"deepfm", "adagrad"},
                                         Case{"mlp", "sgd"}, Case{"linear", "ftrl", "classes"},
                                         Case{"deepfm", "adam", "classes"},
                                         Case{"wide_deep", "adagrad", "quantile"}),
                         [](const auto& param) {
                           return absl::StrCat(param.param.model, "_", param.param.optimizer, "_",
                                               param.param.target);
                         });

}  // namespace
}  // namespace rubato
