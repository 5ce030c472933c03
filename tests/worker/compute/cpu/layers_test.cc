#include <cmath>
#include <set>
#include <vector>

#include "common/base/env.h"
#include "gtest/gtest.h"
#include "worker/compute/cpu/blas.h"
#include "worker/compute/cpu/embedding.h"
#include "worker/compute/cpu/linear.h"
#include "worker/compute/cpu/relu.h"
#include "worker/spec/batch_keys.h"

namespace rubato {
namespace {

std::vector<float> RandomFloats(size_t n, Rng* rng) {
  std::vector<float> out(n);
  for (float& v : out) v = static_cast<float>(rng->Normal());
  return out;
}

// Row-major element of op(m).
double At(const Operand& m, size_t row, size_t col) {
  if (m.transpose == Transpose::kYes) std::swap(row, col);
  return double{m.matrix.data[row * m.matrix.cols + col]};
}

struct Product {
  size_t rows, inner, cols;
};

void CheckProduct(const Product& shape, Transpose ta, Transpose tb, float beta, Rng* rng) {
  const auto [m, k, n] = shape;
  const std::vector<float> a = RandomFloats(m * k, rng);
  const std::vector<float> b = RandomFloats(k * n, rng);
  std::vector<float> c = RandomFloats(m * n, rng);
  const std::vector<float> before = c;
  const bool turn_a = ta == Transpose::kYes;
  const bool turn_b = tb == Transpose::kYes;
  const Operand left{{a.data(), turn_a ? k : m, turn_a ? m : k}, ta};
  const Operand right{{b.data(), turn_b ? n : k, turn_b ? k : n}, tb};
  Multiply(left, right, beta, {c.data(), m, n});
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j < n; ++j) {
      double sum = double{beta} * double{before[i * n + j]};
      for (size_t l = 0; l < k; ++l) sum += At(left, i, l) * At(right, l, j);
      ASSERT_NEAR(double{c[i * n + j]}, sum, 1e-5 * (1.0 + std::sqrt(static_cast<double>(k))));
    }
  }
}

TEST(Multiply, EveryTransposeAndOddShape) {
  Rng rng(1);
  for (const Product& shape : {Product{1, 1, 1}, {3, 5, 1}, {1, 7, 4}, {4, 1, 6}, {17, 33, 9}}) {
    for (const Transpose a : {Transpose::kNo, Transpose::kYes}) {
      for (const Transpose b : {Transpose::kNo, Transpose::kYes}) {
        for (const float beta : {0.0F, 1.0F}) CheckProduct(shape, a, b, beta, &rng);
      }
    }
  }
}

TEST(Multiply, AnEmptyInnerDimensionGivesBetaTimesC) {
  std::vector<float> c = {1.0F, 2.0F, 3.0F, 4.0F};
  Multiply({}, {.matrix = {nullptr, 0, 2}, .transpose = Transpose::kNo}, 1.0F, {nullptr, 0, 2});
  Multiply({.matrix = {nullptr, 2, 0}}, {.matrix = {nullptr, 0, 2}}, 0.0F, {c.data(), 2, 2});
  EXPECT_EQ(c, std::vector<float>(4, 0.0F));
}

TEST(Linear, ForwardAndBackwardByHand) {
  const std::vector<float> x = {1, 2, 3, 4, 5, 6};   // [2, 3]
  const std::vector<float> w = {1, 0, 0, 1, 1, -1};  // [3, 2]
  const std::vector<float> b = {10, 20};
  std::vector<float> y(4);
  LinearForward({x.data(), 2, 3}, {{w.data(), 3, 2}, b.data()}, Purpose::kTraining,
                {y.data(), 2, 2});
  EXPECT_EQ(y, (std::vector<float>{14, 19, 20, 19}));

  const std::vector<float> dy = {1, 2, 3, 4};  // [2, 2]
  std::vector<float> dw(6, 99.0F);
  std::vector<float> db(2, 99.0F);
  std::vector<float> dx(6, 99.0F);
  LinearBackwardWeights({x.data(), 2, 3}, {dy.data(), 2, 2}, {{dw.data(), 3, 2}, db.data()});
  LinearBackwardInput({dy.data(), 2, 2}, {w.data(), 3, 2}, 0.0F, {dx.data(), 2, 3});
  EXPECT_EQ(dw, (std::vector<float>{13, 18, 17, 24, 21, 30}));
  EXPECT_EQ(db, (std::vector<float>{4, 6}));
  EXPECT_EQ(dx, (std::vector<float>{1, 2, -1, 3, 4, -1}));
}

TEST(Relu, CutsBelowZeroBothWays) {
  std::vector<float> x = {-1, 0, 2};
  ReluForward(x);
  EXPECT_EQ(x, (std::vector<float>{0, 0, 2}));
  std::vector<float> dy = {5, 6, 7};
  ReluBackward(x, dy);
  EXPECT_EQ(dy, (std::vector<float>{0, 0, 7}));
}

TEST(Embedding, CategoriesAreCopiedInAndSummedBack) {
  const std::vector<float> weights = {1, 2, 3, 4, 5, 6};       // [3, 2]
  const std::vector<uint32_t> positions = {2, 0, 0, 0, 1, 2};  // [3, 2]
  std::vector<float> x(15, -1.0F);                             // [3, 1 + 2 * 2]
  GatherCategories({positions, 2}, {weights.data(), 3, 2}, 1, {x.data(), 3, 5});
  EXPECT_EQ(x, (std::vector<float>{-1, 5, 6, 1, 2, -1, 1, 2, 1, 2, -1, 3, 4, 5, 6}));

  std::vector<float> d(6, 0.0F);
  ScatterCategories({positions, 2}, {x.data(), 3, 5}, 1, {d.data(), 3, 2});
  EXPECT_EQ(d, (std::vector<float>{3, 6, 3, 4, 10, 12}));  // row 0 occurs three times
}

TEST(Embedding, BagsAreWeightedSums) {
  const std::vector<float> weights = {1, 2, 3, 4};  // [2, 2]
  const std::vector<uint32_t> row_begin = {0, 2, 2, 3};
  const std::vector<uint32_t> positions = {0, 1, 1};
  const std::vector<float> values = {2, -1, 3};
  const BagPositions bag{row_begin, positions, values};
  std::vector<float> x(6, 99.0F);  // [3, 2]
  GatherBag(bag, {weights.data(), 2, 2}, 0, {x.data(), 3, 2});
  EXPECT_EQ(x, (std::vector<float>{-1, 0, 0, 0, 9, 12}));

  const std::vector<float> dx = {1, 2, 3, 4, 5, 6};
  std::vector<float> d(4, 0.0F);
  ScatterBag(bag, {dx.data(), 3, 2}, 0, {d.data(), 2, 2});
  EXPECT_EQ(d, (std::vector<float>{2, 4, 14, 16}));
}

class BatchKeysTest : public testing::TestWithParam<uint64_t> {};

TEST_P(BatchKeysTest, FindsDistinctKeysAndTheirPositions) {
  Rng rng(7);
  BatchKeys index(GetParam());
  for (const size_t n : {size_t{0}, size_t{1}, size_t{1000}, size_t{3}}) {
    std::vector<uint64_t> keys(n);
    for (uint64_t& k : keys) k = rng.Below(GetParam() - 5);
    if (n > 0) keys.push_back(keys[0]);
    std::set<uint64_t> expected;
    for (const uint64_t k : keys) expected.insert(k + 5);

    std::vector<RowKey> sorted;
    index.Begin(keys.size());
    index.Add(std::span<const uint64_t>(keys), 5);
    index.Finish(&sorted);
    ASSERT_EQ(sorted.size(), expected.size());
    size_t i = 0;
    for (const uint64_t k : expected) ASSERT_EQ(sorted[i++], RowKey(k));

    index.Assign(sorted);
    std::vector<uint32_t> positions(keys.size());
    index.Positions(std::span<const uint64_t>(keys), 5, positions.data());
    for (size_t j = 0; j < keys.size(); ++j) {
      ASSERT_EQ(sorted[positions[j]], RowKey(keys[j] + 5));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Spaces, BatchKeysTest,
                         testing::Values(70, 1000, kMaxDirectKeys, kMaxDirectKeys + 1,
                                         uint64_t{1} << 60));

TEST(BatchKeysDeathTest, RefusesKeysBeyondItsSpaceAndRowsOfAnotherBatch) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";  // OpenBLAS has threads
  BatchKeys index(100);
  const std::vector<uint32_t> keys = {3, 99};
  index.Begin(2);
  EXPECT_DEATH(index.Add(std::span<const uint32_t>(keys), 1), "beyond the data's shape");
  const std::vector<RowKey> wide = {RowKey(1), RowKey(3), RowKey(99)};
  const std::vector<RowKey> narrow = {RowKey(1)};
  index.Assign(wide);
  index.Assign(narrow);
  std::vector<uint32_t> positions(2);
  EXPECT_DEATH(index.Positions(std::span<const uint32_t>(keys), 0, positions.data()),
               "not those of this batch");
}

}  // namespace
}  // namespace rubato
