// Models with a server's tables and update rules, in one process: what must be learnable is
// learned.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/worker/compute/cpu/make_model.h"
#include "tests/worker/compute/cpu/random_batch.h"
#include "tests/worker/compute/cpu/reference_training.h"

namespace rubato {
namespace {

RunConfig Config(const std::string& kind, const std::string& optimizer, double learning_rate) {
  RunConfig config;
  config.model.kind = kind;
  config.model.hidden = {16, 8};
  config.model.embedding_dim = 4;
  config.optimizer.kind = optimizer;
  config.optimizer.learning_rate = learning_rate;
  return config;
}

double Accuracy(const std::vector<float>& probability, const Batch& batch) {
  size_t right = 0;
  for (size_t r = 0; r < batch.rows; ++r) right += (probability[r] > 0.5F) == (batch.labels[r] > 0);
  return static_cast<double>(right) / static_cast<double>(batch.rows);
}

// Labels a batch by `label(row)`.
template <class Label>
Batch LabelledBatch(const DatasetShape& shape, Rng* rng, Label label) {
  Batch batch = RandomBatch(shape, {.rows = 128}, rng);
  for (size_t r = 0; r < batch.rows; ++r) batch.labels[r] = label(batch, r) ? 1.0F : 0.0F;
  return batch;
}

// Accuracy on fresh rows after `steps` steps.
template <class Label>
double TrainedAccuracy(const RunConfig& config, const DatasetShape& shape, int steps, Label label) {
  auto model = MakeModel(config, shape);
  EXPECT_TRUE(model.ok()) << model.status();
  ReferenceTraining training(model->get(), 1);
  Rng rng(3);
  for (int i = 0; i < steps; ++i) training.Step(LabelledBatch(shape, &rng, label));
  const Batch test = LabelledBatch(shape, &rng, label);
  return Accuracy(training.Predict(test), test);
}

bool NumericXor(const Batch& batch, size_t r) {
  return (batch.numeric[2 * r] > 0) != (batch.numeric[2 * r + 1] > 0);
}
bool CategoryXor(const Batch& batch, size_t r) {
  return (batch.categories[2 * r] % 2) != (batch.categories[2 * r + 1] % 2);
}
bool LinearRule(const Batch& batch, size_t r) {
  double sum = 2.0 * double{batch.numeric[r]} + (batch.categories[r] == 1 ? 1.5 : -1.0);
  for (size_t i = batch.row_begin[r]; i < batch.row_begin[r + 1]; ++i) {
    sum += (batch.keys[i] % 2 == 0 ? 2.0 : -2.0) * double{batch.values[i]};
  }
  return sum > 0.5;
}

TEST(ModelTrain, MlpLearnsXorOfNumbersAndLinearCannot) {
  const DatasetShape shape = MakeShape(2, {}, 0);
  EXPECT_GT(TrainedAccuracy(Config("mlp", "adam", 0.01), shape, 600, NumericXor), 0.93);
  EXPECT_LT(TrainedAccuracy(Config("linear", "adam", 0.01), shape, 600, NumericXor), 0.70);
}

TEST(ModelTrain, EmbeddingsLearnXorOfCategories) {
  const DatasetShape shape = MakeShape(0, {6, 8}, 0);
  for (const char* kind : {"mlp", "wide_deep", "deepfm"}) {
    EXPECT_EQ(TrainedAccuracy(Config(kind, "adam", 0.01), shape, 600, CategoryXor), 1.0) << kind;
  }
}

TEST(ModelTrain, EveryUpdateRuleLearnsALinearRule) {
  const DatasetShape shape = MakeShape(1, {3}, 6);
  for (const auto& [rule, rate] : std::vector<std::pair<std::string, double>>{
           {"sgd", 1.0}, {"momentum", 0.2}, {"adagrad", 0.3}, {"adam", 0.03}, {"ftrl", 0.3}}) {
    EXPECT_GT(TrainedAccuracy(Config("linear", rule, rate), shape, 400, LinearRule), 0.95) << rule;
  }
  EXPECT_GT(TrainedAccuracy(Config("mlp", "adam", 0.01), shape, 600, LinearRule), 0.93);
}

// FTRL keeps the first weights of layers and embeddings; were they zero, none would ever move.
TEST(ModelTrain, L1LeavesEveryModelKindAlive) {
  const DatasetShape shape = MakeShape(0, {6, 8}, 0);
  for (const char* kind : {"mlp", "wide_deep", "deepfm"}) {
    RunConfig config = Config(kind, "ftrl", 0.3);
    config.optimizer.l1 = 30.0;
    EXPECT_GT(TrainedAccuracy(config, shape, 600, CategoryXor), 0.95) << kind;
  }
}

TEST(ModelTrain, FirstLossIsThatOfAnUninformedModel) {
  const DatasetShape shape = MakeShape(2, {3}, 4);
  Rng rng(5);
  Batch batch = RandomBatch(shape, {.rows = 50}, &rng);
  std::fill(batch.weights.begin(), batch.weights.end(), 1.0F);
  auto model = MakeModel(Config("linear", "sgd", 0.1), shape);
  ASSERT_TRUE(model.ok()) << model.status();
  ReferenceTraining training(model->get(), 1);
  EXPECT_NEAR(training.Step(batch), std::log(2.0), 1e-6);
  EXPECT_LT(training.Step(batch), std::log(2.0));
}

TEST(MakeModel, TablesCarryTheRunsRuleAndBound) {
  RunConfig config = Config("mlp", "adam", 0.02);
  config.optimizer.l2 = 0.5;
  config.optimizer.l1 = 0.25;
  config.train.staleness = Staleness(7);
  for (const std::string kind : {"mlp", "linear"}) {
    config.model.kind = kind;
    auto model = MakeModel(config, MakeShape(3, {4}, 5));
    ASSERT_TRUE(model.ok()) << model.status();
    const std::vector<TableSpec>& tables = (*model)->tables();
    for (uint32_t t = 0; t < tables.size(); ++t) {
      const TableSpec& table = tables[t];
      EXPECT_EQ(table.id, TableId(t));
      EXPECT_EQ(table.staleness, Staleness(7));
      EXPECT_EQ(table.optimizer.kind, OptimizerKind::kAdam);
      EXPECT_EQ(table.optimizer.learning_rate, 0.02F);
      const bool bias = table.name.ends_with("bias");
      EXPECT_EQ(table.optimizer.l2, bias ? 0.0F : 0.5F) << table.name;
      EXPECT_EQ(table.optimizer.l1, bias ? 0.0F : 0.25F) << table.name;
    }
  }
}

// A model begins at the rate of the training rows: its last bias is their log odds.
TEST(MakeModel, TheMarginsBiasBeginsAtTheBase) {
  const DatasetShape shape = MakeShape(3, {4}, 5);
  const Prior prior = {.predictions = {0.023}, .base_margin = -3.75};
  for (const std::string kind : {"linear", "mlp", "wide_deep", "deepfm"}) {
    for (const std::string rule : {"adagrad", "ftrl"}) {
      auto model = MakeModel(Config(kind, rule, 0.02), shape, prior);
      ASSERT_TRUE(model.ok()) << model.status();
      int begins = 0;
      for (const TableSpec& table : (*model)->tables()) {
        if (table.initializer != Initializer{InitializerKind::kConstant, -3.75F}) continue;
        EXPECT_EQ(table.size, 1u) << table.name;
        EXPECT_TRUE(table.name.ends_with("bias")) << table.name;
        ++begins;
      }
      EXPECT_EQ(begins, 1) << kind;
    }
  }
}

TEST(MakeModel, AShiftIsOfPredictionsAndNotOfTraining) {
  const DatasetShape shape = MakeShape(3, {4}, 0);
  absl::StatusOr<ModelSpec> spec = MakeModelSpec(Config("linear", "sgd", 0.1), shape);
  ASSERT_TRUE(spec.ok()) << spec.status();
  const auto plain = *MakeNetworkOnCpu(*spec);
  spec->prediction_shift = -20.0F;
  const auto shifted = *MakeNetworkOnCpu(*spec);
  Rng rng(5);
  const Batch batch = RandomBatch(shape, {.rows = 9}, &rng);
  Parameters rows;
  plain->FindKeys(batch, &rows);
  RandomValues(plain->tables(), 1.0, &rng, &rows);
  Parameters unused;
  EXPECT_EQ(*plain->Gradients(batch, rows, &unused), *shifted->Gradients(batch, rows, &unused));
  std::vector<float> before(9), after(9);
  ASSERT_TRUE(plain->Predict(batch, rows, before).ok());
  ASSERT_TRUE(shifted->Predict(batch, rows, after).ok());
  for (size_t r = 0; r < before.size(); ++r) {
    const double odds = double{before[r]} / (1.0 - double{before[r]}) * std::exp(-20.0);
    EXPECT_NEAR(double{after[r]} / (odds / (1.0 + odds)), 1.0, 1e-5) << r;
  }
}

TEST(MakeModel, MlpTablesHaveTheStatedShapes) {
  auto model = MakeModel(Config("mlp", "adam", 0.02), MakeShape(3, {4, 2}, 5));
  ASSERT_TRUE(model.ok()) << model.status();
  std::vector<std::string> shapes;
  for (const TableSpec& table : (*model)->tables()) {
    shapes.push_back(absl::StrCat(table.name, " ", table.dim, " ", table.size));
  }
  EXPECT_EQ(shapes,
            (std::vector<std::string>{"embedding 4 0", "mlp.0.weight 240 240", "mlp.0.bias 16 16",
                                      "mlp.1.weight 128 128", "mlp.1.bias 8 8", "mlp.2.weight 8 8",
                                      "mlp.2.bias 1 1"}));
}

TEST(MakeModel, RefusesWhatItCannotBuildWithASentence) {
  const DatasetShape shape = MakeShape(2, {3}, 0);
  const auto error = [](const RunConfig& config, const DatasetShape& data) {
    return std::string(MakeModel(config, data).status().message());
  };
  EXPECT_EQ(error(Config("forest", "sgd", 0.1), shape),
            "model.kind is not one of \"linear\", \"mlp\", \"wide_deep\", \"deepfm\": \"forest\"");
  EXPECT_EQ(error(Config("mlp", "lion", 0.1), shape),
            "optimizer.kind is not one of \"sgd\", \"momentum\", \"adagrad\", \"adam\", "
            "\"ftrl\": \"lion\"");
  EXPECT_EQ(error(Config("mlp", "sgd", 0.1), MakeShape(0, {}, 0)),
            "the prepared data has no feature columns: drop fewer of them (data.drop)");
  RunConfig wide = Config("mlp", "sgd", 0.1);
  wide.model.hidden = {8, 0};
  EXPECT_EQ(error(wide, shape), "a width in model.hidden is not between 1 and 65536: 0");
  wide.model.hidden = {8};
  wide.model.embedding_dim = 65537;
  EXPECT_EQ(error(wide, shape), "model.embedding_dim is not between 1 and 65536: 65537");
  wide.model.hidden = {65536, 65536, 8};
  wide.model.embedding_dim = 4096;
  EXPECT_EQ(error(wide, MakeShape(0, std::vector<uint64_t>(300, 3), 0)),
            "layer 1 of the model has 1228800 inputs and 65536 outputs, and a layer holds at most "
            "68719476736 weights; use smaller widths in model.hidden, a smaller "
            "model.embedding_dim, or fewer columns");
  DatasetShape huge = shape;
  huge.sparse_keys = ~uint64_t{0};
  EXPECT_EQ(error(Config("linear", "sgd", 0.1), huge),
            "a sparse feature key is too large to be shifted behind 5 other features: number the "
            "features of the file from 1");
}

}  // namespace
}  // namespace rubato
