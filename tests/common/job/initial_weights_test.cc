#include "common/job/initial_weights.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace rubato {
namespace {

TableSpec Table(InitializerKind kind) {
  TableSpec table;
  table.id = TableId(3);
  table.dim = 4;
  table.initializer = {kind, 0.25F};
  return table;
}

std::vector<float> Row(const TableSpec& table, uint64_t key, uint64_t seed) {
  std::vector<float> row(table.dim, std::nanf(""));
  InitialWeights(table, RowKey(key), seed, row.data());
  return row;
}

// Bits that runs depend on.
TEST(InitialWeights, Golden) {
  const TableSpec uniform = Table(InitializerKind::kUniform);
  EXPECT_EQ(Row(uniform, 0, 42), (std::vector<float>{-0x1.29d66ep-4F, -0x1.a6c862p-4F,
                                                     0x1.e4201cp-3F, -0x1.51d128p-4F}));
  EXPECT_EQ(Row(uniform, ~uint64_t{1}, 42),
            (std::vector<float>{-0x1.82cbfep-5F, 0x1.0dceb2p-4F, 0x1.090364p-4F, -0x1.67f186p-5F}));
  // Logarithm and cosine differ in their last bit between C libraries.
  const std::vector<float> normal = Row(Table(InitializerKind::kNormal), 0, 42);
  const std::vector<float> expected = {-0x1.03057p-4F, -0x1.5e0a42p-2F, 0x1.eadf3cp-5F,
                                       0x1.3df2b8p-6F};
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_FLOAT_EQ(normal[i], expected[i]);
}

TEST(InitialWeights, ZerosNeedNoSeed) {
  EXPECT_EQ(Row(Table(InitializerKind::kZero), 9, 1), std::vector<float>(4, 0.0F));
  EXPECT_EQ(Row(Table(InitializerKind::kConstant), 9, 1), std::vector<float>(4, 0.25F));
}

TEST(InitialWeights, DependOnSeedTableAndKey) {
  for (const InitializerKind kind : {InitializerKind::kUniform, InitializerKind::kNormal}) {
    const TableSpec table = Table(kind);
    TableSpec other = table;
    other.id = TableId(4);
    const std::vector<float> row = Row(table, 5, 1);
    EXPECT_EQ(Row(table, 5, 1), row);
    EXPECT_NE(Row(table, 5, 2), row);
    EXPECT_NE(Row(table, 6, 1), row);
    EXPECT_NE(Row(other, 5, 1), row);
  }
}

TEST(InitialWeights, AShorterRowIsTheBeginningOfALongerOne) {
  TableSpec table = Table(InitializerKind::kNormal);
  std::vector<float> row = Row(table, 5, 1);
  table.dim = 3;
  row.pop_back();
  EXPECT_EQ(Row(table, 5, 1), row);
}

// Mean and variance over 40,000 draws, within six standard errors.
TEST(InitialWeights, HaveTheSpreadThatTheTableAsksFor) {
  constexpr uint64_t kRows = 10'000;
  for (const InitializerKind kind : {InitializerKind::kUniform, InitializerKind::kNormal}) {
    double sum = 0.0;
    double squares = 0.0;
    float largest = 0.0F;
    for (uint64_t key = 0; key < kRows; ++key) {
      for (const float w : Row(Table(kind), key, 7)) {
        sum += double{w};
        squares += double{w} * double{w};
        largest = std::max(largest, std::fabs(w));
      }
    }
    const double draws = 4.0 * kRows;
    const double variance = kind == InitializerKind::kUniform ? 0.0625 / 3.0 : 0.0625;
    EXPECT_NEAR(sum / draws, 0.0, 6.0 * std::sqrt(variance / draws));
    EXPECT_NEAR(squares / draws, variance, 6.0 * variance * std::sqrt(2.0 / draws));
    EXPECT_EQ(largest <= 0.25F, kind == InitializerKind::kUniform);
  }
}

}  // namespace
}  // namespace rubato
