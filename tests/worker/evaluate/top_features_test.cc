// Names of features, the largest weights, and which columns an MLP needs.
#include "worker/evaluate/top_features.h"

#include "common/base/env.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/worker/compute/cpu/make_model.h"

namespace rubato {
namespace {

Encoding LoanEncoding() {
  Encoding encoding;
  encoding.numeric = {{.name = "amount", .deviation = 1.0},
                      {.name = "income", .deviation = 1.0, .indicator = true}};
  encoding.categories = {{.name = "grade", .levels = {"A", "B"}},
                         {.name = "home", .levels = {"own"}}};
  return encoding;
}

Encoding SparseEncoding() {
  Encoding encoding;
  encoding.format = "libsvm";
  encoding.sparse_keys = 1000;
  return encoding;
}

TEST(FeatureNameTest, FollowsTheKeysOfTheLinearModel) {
  const Encoding encoding = LoanEncoding();
  const std::vector<std::string> names = {
      "amount",  "income",  "income is missing",   "grade is rare or new", "grade is missing",
      "grade=A", "grade=B", "home is rare or new", "home is missing",      "home=own"};
  for (size_t key = 0; key < names.size(); ++key) {
    EXPECT_EQ(FeatureName(encoding, RowKey(key)), names[key]);
  }
  EXPECT_EQ(FeatureName(SparseEncoding(), RowKey(7)), "feature 7");
}

TEST(LargestWeightsTest, BySizeWithTheirSignsAndWithoutZeros) {
  ParameterRows weights;
  weights.keys = {RowKey(0), RowKey(2), RowKey(5), RowKey(9)};
  weights.values = {0.25F, 0.0F, -2.0F, 0.5F};
  const auto top = LargestWeights(LoanEncoding(), weights);
  EXPECT_EQ(FormatTopFeatures(top, "weight"),
            "[{\"name\": \"grade=A\", \"weight\": -2},\n {\"name\": \"home=own\", \"weight\": 0.5},"
            "\n {\"name\": \"amount\", \"weight\": 0.25}]");
}

TEST(LargestWeightsTest, KeepsTwenty) {
  ParameterRows weights;
  for (uint64_t key = 1; key < 1000; ++key) {
    weights.keys.push_back(RowKey(key));
    weights.values.push_back(static_cast<float>(key));
  }
  const auto top = LargestWeights(SparseEncoding(), weights);
  ASSERT_EQ(top.size(), kTopFeatures);
  EXPECT_EQ(top.front().name, "feature 999");
  EXPECT_EQ(top.back().name, "feature 980");
}

TEST(FormatTopFeaturesTest, NamesAreJsonWhateverTheirBytes) {
  EXPECT_EQ(FormatTopFeatures({{"say \"h\xe4\"", 1.0}}, "weight"),
            "[{\"name\": \"say \\\"h\xc3\xa4\\\"\", \"weight\": 1}]");
}

// Income and grade decide the label (a row that misses its income never defaults); the rest is
// noise.
class LoanRows : public Dataset {
 public:
  explicit LoanRows(uint64_t rows) : shape_(LoanEncoding().Shape()) {
    Rng rng(7);
    for (uint64_t r = 0; r < rows; ++r) {
      const bool missing = rng.Chance(0.2);
      const double income = missing ? 0.0 : rng.Normal();
      const auto grade = static_cast<uint32_t>(2 + rng.Below(2));
      const auto home = static_cast<uint32_t>(4 + rng.Below(3));
      const double margin = income + (grade == 2 ? 1.0 : -1.0);
      numeric_.insert(numeric_.end(), {static_cast<float>(rng.Normal()), static_cast<float>(income),
                                       missing ? 1.0F : 0.0F});
      categories_.insert(categories_.end(), {grade, home});
      labels_.push_back(!missing && margin > 0 ? 1.0F : 0.0F);
    }
  }
  const DatasetShape& shape() const override { return shape_; }
  uint64_t rows() const override { return labels_.size(); }
  std::span<const float> labels() const override { return labels_; }
  std::span<const float> weights() const override { return {}; }
  std::span<const float> offsets() const override { return {}; }
  void Read(std::span<const uint64_t> indices, Batch* out) const override {
    *out = Batch();
    out->rows = indices.size();
    out->numeric_columns = 3;
    out->category_columns = 2;
    for (const uint64_t row : indices) {
      for (size_t k = 0; k < 3; ++k) out->numeric.push_back(numeric_[3 * row + k]);
      for (size_t k = 0; k < 2; ++k) out->categories.push_back(categories_[2 * row + k]);
      out->labels.push_back(labels_[row]);
    }
  }
  std::span<const float> oracle() const override { return {}; }

 private:
  DatasetShape shape_;
  std::vector<float> numeric_;        // [rows, 3]
  std::vector<uint32_t> categories_;  // [rows, 2]
  std::vector<float> labels_;
};

// Any model will do: a logistic regression with the weights that made the labels.
TEST(PermutationImportanceTest, ColumnsThatDecideCountAndNoiseDoesNot) {
  const Encoding encoding = LoanEncoding();
  const auto model = *MakeModel(RunConfig(), encoding.Shape());
  Parameters weights(2);
  const Floats values = {0, 1, -9, 0, 0, 1, -1, 0, 0, 0};
  for (size_t key = 0; key < values.size(); ++key) weights[0].keys.push_back(RowKey(key));
  weights[0].values = values;
  weights[1] = {.table = TableId(1), .keys = {RowKey(0)}, .values = {0}};
  const LoanRows data(3000);
  int asked = 0;
  const GoOn count = [&asked] { return ++asked, absl::OkStatus(); };
  const auto top = *PermutationImportance(encoding, model.get(), {data, weights}, 1, count);
  EXPECT_EQ(asked, encoding.numeric.size() + encoding.categories.size());  // once a column
  ASSERT_EQ(top.size(), 2);
  EXPECT_EQ(top[0].name, "income");  // with its indicator, and so ahead of the grade
  EXPECT_EQ(top[1].name, "grade");
  EXPECT_GT(top[1].size, 0.05);
  EXPECT_LT(top[0].size, 0.6);
  const auto again = *PermutationImportance(encoding, model.get(), {data, weights}, 1, count);
  EXPECT_EQ(again[0].size, top[0].size);
  const GoOn stop = [] { return absl::CancelledError("stopped"); };
  EXPECT_EQ(PermutationImportance(encoding, model.get(), {data, weights}, 1, stop).status(),
            stop());
}

TEST(PermutationImportanceTest, OneClassHasNone) {
  const Encoding encoding = LoanEncoding();
  const auto model = *MakeModel(RunConfig(), encoding.Shape());
  Parameters weights(2);
  for (size_t key = 0; key < 10; ++key) weights[0].keys.push_back(RowKey(key));
  weights[0].values.resize(10);
  weights[1] = {.table = TableId(1), .keys = {RowKey(0)}, .values = {0}};
  const GoOn go_on = [] { return absl::OkStatus(); };
  EXPECT_TRUE(
      PermutationImportance(encoding, model.get(), {LoanRows(1), weights}, 1, go_on)->empty());
}

}  // namespace
}  // namespace rubato
