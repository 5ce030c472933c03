// A row's score is its own: to the bit the same alone, and in any batch.
#include <bit>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/worker/compute/cpu/make_model.h"
#include "tests/worker/compute/cpu/random_batch.h"
#include "tests/worker/compute/cpu/reference_training.h"
#include "worker/compute/cpu/row_product.h"

namespace rubato {
namespace {

constexpr size_t kRows = 300;

// Rows [begin, end) of `batch`.
Batch Slice(const Batch& batch, size_t begin, size_t end) {
  Batch part;
  part.rows = end - begin;
  part.numeric_columns = batch.numeric_columns;
  part.category_columns = batch.category_columns;
  const auto copy = [](const auto& from, size_t first, size_t last, auto* to) {
    to->assign(from.begin() + static_cast<ptrdiff_t>(first),
               from.begin() + static_cast<ptrdiff_t>(last));
  };
  copy(batch.numeric, begin * batch.numeric_columns, end * batch.numeric_columns, &part.numeric);
  copy(batch.categories, begin * batch.category_columns, end * batch.category_columns,
       &part.categories);
  copy(batch.labels, begin, end, &part.labels);
  copy(batch.weights, begin, end, &part.weights);
  if (batch.row_begin.empty()) return part;
  const uint32_t first = batch.row_begin[begin];
  for (size_t r = begin; r <= end; ++r) part.row_begin.push_back(batch.row_begin[r] - first);
  copy(batch.keys, first, batch.row_begin[end], &part.keys);
  copy(batch.values, first, batch.row_begin[end], &part.values);
  return part;
}

std::vector<uint32_t> Bits(const std::vector<float>& values) {
  std::vector<uint32_t> bits;
  for (const float value : values) bits.push_back(std::bit_cast<uint32_t>(value));
  return bits;
}

class RowScore : public testing::TestWithParam<const char*> {};

TEST_P(RowScore, IsTheSameInBatchesOfAllSizes) {
  for (const uint64_t sparse : {uint64_t{0}, uint64_t{40}}) {
    const DatasetShape shape = MakeShape(37, {5, 9}, sparse);
    RunConfig config;
    config.model.kind = GetParam();
    config.model.hidden = {45, 19};
    config.model.embedding_dim = 5;
    auto model = MakeModel(config, shape);
    ASSERT_TRUE(model.ok()) << model.status();
    ReferenceTraining training(model->get(), 1);
    Rng rng(7);
    const Batch rows = RandomBatch(shape, {.rows = kRows}, &rng);
    for (int i = 0; i < 20; ++i) training.Step(rows);
    const std::vector<uint32_t> expected = Bits(training.Predict(rows));
    for (size_t size = 1; size < kRows; ++size) {
      std::vector<float> scores;
      for (size_t begin = 0; begin < kRows; begin += size) {
        const auto part = training.Predict(Slice(rows, begin, std::min(kRows, begin + size)));
        scores.insert(scores.end(), part.begin(), part.end());
      }
      ASSERT_EQ(Bits(scores), expected) << "batches of " << size;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(ModelKinds, RowScore,
                         testing::Values("linear", "mlp", "wide_deep", "deepfm"));

TEST(RowProduct, SumsInOrder) {
  Rng rng(3);
  for (const size_t out : {1U, 3U, 4U, 8U, 16U, 31U, 32U, 45U, 70U}) {
    const size_t in = 23;
    const size_t rows = 11;
    std::vector<float> x(rows * in), w(in * out), y(rows * out);
    for (auto* values : {&x, &w, &y}) {
      for (float& value : *values) value = static_cast<float>(rng.Normal());
    }
    std::vector<float> expected = y;
    for (size_t r = 0; r < rows; ++r) {
      for (size_t k = 0; k < in; ++k) {
        for (size_t c = 0; c < out; ++c) expected[r * out + c] += x[r * in + k] * w[k * out + c];
      }
    }
    AddRowProducts({x.data(), rows, in}, {w.data(), in, out}, {y.data(), rows, out});
    EXPECT_EQ(Bits(y), Bits(expected)) << out;
  }
}

}  // namespace
}  // namespace rubato
