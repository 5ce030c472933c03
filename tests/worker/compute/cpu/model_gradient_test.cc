// Gradients against central differences of a second implementation of each model, written here in
// double precision and in the plainest way: from keys and formulas, without inverses or BLAS.
#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/worker/compute/cpu/make_model.h"
#include "tests/worker/compute/cpu/random_batch.h"
#include "worker/compute/model.h"
#include "worker/run_file/run_config.h"

namespace rubato {
namespace {

// Weights of one table in double.
struct ReferenceTable {
  TableSpec spec;
  std::vector<double> values;       // [rows, dim]
  std::map<uint64_t, size_t> rows;  // row of each key

  // Element i of a dense table.
  double At(size_t i) const { return values[i]; }
  std::span<const double> Row(uint64_t key) const {
    return std::span(values).subspan(rows.at(key) * spec.dim, spec.dim);
  }
};
using ReferenceTables = std::map<std::string, ReferenceTable>;

ReferenceTables ToReference(const std::vector<TableSpec>& specs, const Parameters& parameters) {
  ReferenceTables out;
  for (size_t t = 0; t < specs.size(); ++t) {
    const ParameterRows& rows = parameters[t];
    ReferenceTable& table = out[specs[t].name];
    table.spec = specs[t];
    table.values.assign(rows.values.begin(), rows.values.end());
    for (size_t i = 0; i < rows.keys.size(); ++i) table.rows[rows.keys[i].value()] = i;
  }
  return out;
}

double LinearTermOf(const DatasetShape& shape, const Batch& batch, size_t row,
                    const ReferenceTable& weights) {
  double margin = 0;
  for (size_t k = 0; k < shape.numeric_columns; ++k) {
    margin += double{batch.numeric[row * shape.numeric_columns + k]} * weights.Row(k)[0];
  }
  for (size_t c = 0; c < shape.category_columns; ++c) {
    const uint64_t level = batch.categories[row * shape.category_columns + c];
    margin += weights.Row(shape.numeric_columns + level)[0];
  }
  if (shape.sparse_keys == 0) return margin;
  for (size_t i = batch.row_begin[row]; i < batch.row_begin[row + 1]; ++i) {
    const uint64_t key = shape.numeric_columns + shape.levels + batch.keys[i];
    margin += double{batch.values[i]} * weights.Row(key)[0];
  }
  return margin;
}

// [numeric | embeddings of the categories | bag of the sparse features] of one row.
std::vector<double> MlpInput(const DatasetShape& shape, const Batch& batch, size_t row,
                             const ReferenceTables& tables) {
  std::vector<double> x;
  for (size_t k = 0; k < shape.numeric_columns; ++k) {
    x.push_back(double{batch.numeric[row * shape.numeric_columns + k]});
  }
  for (size_t c = 0; c < shape.category_columns; ++c) {
    const uint64_t level = batch.categories[row * shape.category_columns + c];
    for (const double v : tables.at("embedding").Row(level)) x.push_back(v);
  }
  if (shape.sparse_keys == 0) return x;
  const ReferenceTable& embedding = tables.at("embedding");
  std::vector<double> bag(embedding.spec.dim, 0.0);
  for (size_t i = batch.row_begin[row]; i < batch.row_begin[row + 1]; ++i) {
    const std::span<const double> v = embedding.Row(shape.levels + batch.keys[i]);
    for (size_t j = 0; j < bag.size(); ++j) bag[j] += double{batch.values[i]} * v[j];
  }
  x.insert(x.end(), bag.begin(), bag.end());
  return x;
}

double MlpMargin(std::vector<double> x, const ReferenceTables& tables) {
  for (int l = 0; tables.contains("mlp." + std::to_string(l) + ".weight"); ++l) {
    const std::string name = "mlp." + std::to_string(l);
    const ReferenceTable& weight = tables.at(name + ".weight");
    const ReferenceTable& bias = tables.at(name + ".bias");
    std::vector<double> y(bias.spec.size);
    for (size_t o = 0; o < y.size(); ++o) {
      y[o] = bias.At(o);
      for (size_t i = 0; i < x.size(); ++i) y[o] += x[i] * weight.At(i * y.size() + o);
    }
    if (tables.contains("mlp." + std::to_string(l + 1) + ".weight")) {
      for (double& v : y) v = std::max(v, 0.0);
    }
    x = y;
  }
  return x.at(0);
}

// Each pair of the row's categories and sparse features, one by one.
double PairsOf(const DatasetShape& shape, const Batch& batch, size_t row,
               const ReferenceTables& tables) {
  if (!tables.contains("embedding")) return 0.0;
  const ReferenceTable& embedding = tables.at("embedding");
  std::vector<std::pair<double, std::span<const double>>> features;
  for (size_t c = 0; c < shape.category_columns; ++c) {
    features.emplace_back(1.0, embedding.Row(batch.categories[row * shape.category_columns + c]));
  }
  for (size_t i = shape.sparse_keys == 0 ? 0 : batch.row_begin[row];
       i < (shape.sparse_keys == 0 ? 0 : batch.row_begin[row + 1]); ++i) {
    features.emplace_back(double{batch.values[i]}, embedding.Row(shape.levels + batch.keys[i]));
  }
  double sum = 0.0;
  for (size_t a = 0; a < features.size(); ++a) {
    for (size_t b = a + 1; b < features.size(); ++b) {
      for (size_t j = 0; j < embedding.spec.dim; ++j) {
        sum +=
            features[a].first * features[b].first * features[a].second[j] * features[b].second[j];
      }
    }
  }
  return sum;
}

double Margin(const RunConfig& config, const DatasetShape& shape, const Batch& batch, size_t row,
              const ReferenceTables& tables) {
  const std::string& kind = config.model.kind;
  if (kind == "linear") {
    return tables.at("bias").At(0) + LinearTermOf(shape, batch, row, tables.at("weights"));
  }
  double margin = MlpMargin(MlpInput(shape, batch, row, tables), tables);
  if (kind != "mlp") margin += LinearTermOf(shape, batch, row, tables.at("wide"));
  if (kind == "deepfm") margin += PairsOf(shape, batch, row, tables);
  return margin;
}

double ReferenceLoss(const RunConfig& config, const DatasetShape& shape, const Batch& batch,
                     const ReferenceTables& tables) {
  double sum = 0.0;
  for (size_t r = 0; r < batch.rows; ++r) {
    const double offset = batch.offsets.empty() ? 0.0 : double{batch.offsets[r]};
    const double z = Margin(config, shape, batch, r, tables) + offset;
    const double signed_margin = batch.labels[r] == 1.0F ? z : -z;
    sum += double{batch.weights[r]} * std::log1p(std::exp(-signed_margin));
  }
  return sum / static_cast<double>(batch.rows);
}

struct Case {
  std::string name;
  std::string kind;
  DatasetShape shape;
  BatchOptions batch;
  std::vector<int64_t> hidden = {5, 3};
  int64_t embedding_dim = 3;
};

class GradientTest : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const Case& test = GetParam();
    config_.model.kind = test.kind;
    config_.model.hidden = test.hidden;
    config_.model.embedding_dim = test.embedding_dim;
    auto model = MakeModel(config_, test.shape);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    batch_ = RandomBatch(test.shape, test.batch, &rng_);
    model_->FindKeys(batch_, &parameters_);
    RandomValues(model_->tables(), 0.5, &rng_, &parameters_);
  }

  double Loss(const ReferenceTables& tables) const {
    return ReferenceLoss(config_, GetParam().shape, batch_, tables);
  }

  // d loss / d (element `i` of the table): a five-point difference, exact to about 1e-12 here.
  double Slope(ReferenceTables* tables, const std::string& name, size_t i) const {
    double& weight = tables->at(name).values[i];
    const double at = weight;
    const double h = 1e-4;
    double f[5];
    for (int step = -2; step <= 2; ++step) {
      weight = at + step * h;
      f[step + 2] = Loss(*tables);
    }
    weight = at;
    return (f[0] - 8 * f[1] + 8 * f[3] - f[4]) / (12 * h);
  }

  Rng rng_{20240229};
  RunConfig config_;
  std::unique_ptr<Model> model_;
  Batch batch_;
  Parameters parameters_;
};

TEST_P(GradientTest, EveryParameterMatchesADifference) {
  Parameters gradients;
  const double loss = *model_->Gradients(batch_, parameters_, &gradients);
  ReferenceTables tables = ToReference(model_->tables(), parameters_);
  EXPECT_NEAR(loss, Loss(tables), 1e-5);
  ASSERT_EQ(gradients.size(), parameters_.size());
  for (size_t t = 0; t < gradients.size(); ++t) {
    const TableSpec& spec = model_->tables()[t];
    EXPECT_EQ(gradients[t].table, spec.id);
    ASSERT_EQ(gradients[t].keys, parameters_[t].keys);
    ASSERT_EQ(gradients[t].values.size(), parameters_[t].values.size());
    for (size_t i = 0; i < gradients[t].values.size(); ++i) {
      const double slope = Slope(&tables, spec.name, i);
      EXPECT_NEAR(double{gradients[t].values[i]}, slope, 2e-6 + 2e-5 * std::fabs(slope))
          << spec.name << " key " << gradients[t].keys[i / spec.dim] << " element " << i % spec.dim;
    }
  }
}

TEST_P(GradientTest, PredictionsGiveTheLoss) {
  Parameters gradients;
  const double loss = *model_->Gradients(batch_, parameters_, &gradients);
  std::vector<float> probability(batch_.rows);
  ASSERT_TRUE(model_->Predict(batch_, parameters_, probability).ok());
  double sum = 0.0;
  double lost = 0.0;  // to the rounding of a probability close to 1
  for (size_t r = 0; r < batch_.rows; ++r) {
    const double p = double{probability[r]};
    ASSERT_GT(p, 0.0);
    ASSERT_LT(p, 1.0);
    const double of_label = batch_.labels[r] == 1.0F ? p : 1.0 - p;
    sum -= double{batch_.weights[r]} * std::log(of_label);
    lost += double{batch_.weights[r]} * 0x1p-24 / of_label;
  }
  const auto rows = static_cast<double>(batch_.rows);
  EXPECT_NEAR(sum / rows, loss, 1e-5 + lost / rows);
}

// A worker finds the keys of later batches before it computes this one.
TEST_P(GradientTest, AnotherBatchInBetweenChangesNothing) {
  Parameters expected;
  ASSERT_TRUE(model_->Gradients(batch_, parameters_, &expected).ok());
  const Batch other = RandomBatch(GetParam().shape, {.rows = 13}, &rng_);
  Parameters other_parameters;
  model_->FindKeys(other, &other_parameters);
  Parameters gradients;
  ASSERT_TRUE(model_->Gradients(batch_, parameters_, &gradients).ok());
  RandomValues(model_->tables(), 1.0, &rng_, &other_parameters);
  Parameters scratch = gradients;
  ASSERT_TRUE(model_->Gradients(other, other_parameters, &scratch).ok());
  Parameters again = scratch;  // reused memory of another shape
  ASSERT_TRUE(model_->Gradients(batch_, parameters_, &again).ok());
  for (size_t t = 0; t < expected.size(); ++t) {
    EXPECT_EQ(gradients[t].values, expected[t].values);
    EXPECT_EQ(again[t].values, expected[t].values);
    EXPECT_EQ(again[t].keys, expected[t].keys);
  }
}

TEST_P(GradientTest, KeysAreSortedAndDistinct) {
  for (size_t t = 0; t < parameters_.size(); ++t) {
    const auto& keys = parameters_[t].keys;
    EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end(), std::greater_equal<>()), keys.end());
    const TableSpec& spec = model_->tables()[t];
    if (spec.kind == TableKind::kDense) {
      EXPECT_EQ(keys.size(), spec.blocks());
    }
  }
}

constexpr uint64_t kHugeKeySpace = uint64_t{1} << 40;

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const std::string kind : {"linear", "mlp", "wide_deep", "deepfm"}) {
    cases.push_back({kind + "Everything", kind, MakeShape(3, {2, 4}, 6), {}});
    cases.push_back({kind + "NumericOnly", kind, MakeShape(4, {}, 0), {}});
    cases.push_back({kind + "CategoriesOnly", kind, MakeShape(0, {3, 1, 5}, 0), {}});
    cases.push_back({kind + "SparseOnly", kind, MakeShape(0, {}, 9), {}});
    cases.push_back({kind + "HugeKeySpace", kind, MakeShape(2, {3}, kHugeKeySpace), {}});
    cases.push_back({kind + "OneRow", kind, MakeShape(3, {2, 4}, 6), {.rows = 1}});
    cases.push_back({kind + "OneColumn", kind, MakeShape(1, {}, 0), {}});
    cases.push_back({kind + "SameKeys", kind, MakeShape(1, {3, 3}, 4), {.same_keys = true}});
    cases.push_back({kind + "Offsets", kind, MakeShape(2, {3}, 4), {}});
    cases.back().shape.offsets = true;
    cases.push_back({kind + "OneLevel", kind, MakeShape(0, {1}, 0), {.rows = 3}});
  }
  cases.push_back({"deepfmDimOne", "deepfm", MakeShape(1, {2, 3}, 5), {}, {2}, 1});
  cases.push_back({"mlpNoHiddenLayer", "mlp", MakeShape(2, {3}, 4), {}, {}, 2});
  cases.push_back({"mlpWidthOne", "mlp", MakeShape(1, {2}, 3), {}, {1, 1}, 1});
  cases.push_back({"mlpManyBlocks", "mlp", MakeShape(3, {9}, 0), {.rows = 3}, {140, 31}, 8});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Models, GradientTest, testing::ValuesIn(Cases()),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace rubato
