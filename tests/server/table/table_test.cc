#include <limits>
#include <map>
#include <vector>

#include "common/base/env.h"
#include "common/job/initial_weights.h"
#include "common/job/shard_map.h"
#include "gtest/gtest.h"
#include "server/table/make_table.h"
#include "server/table/optimizer.h"

namespace rubato {
namespace {

constexpr uint64_t kSeed = 7;

TableSpec Sparse(uint32_t dim, OptimizerKind optimizer) {
  TableSpec spec;
  spec.id = TableId(3);
  spec.name = "embedding";
  spec.dim = dim;
  spec.initializer = {InitializerKind::kUniform, 0.1F};
  spec.optimizer.kind = optimizer;
  return spec;
}

TableSpec Dense(uint64_t size, uint32_t dim) {
  TableSpec spec = Sparse(dim, OptimizerKind::kAdagrad);
  spec.kind = TableKind::kDense;
  spec.size = size;
  return spec;
}

std::vector<float> Gather(const Table& table, const std::vector<RowKey>& keys) {
  std::vector<float> out(keys.size() * table.spec().dim);
  table.Gather(keys, out.data());
  return out;
}

std::map<RowKey, std::vector<float>> Dump(const Table& table) {
  std::map<RowKey, std::vector<float>> rows;
  table.ForEachRow([&](RowKey key, std::span<const float> row) {
    EXPECT_TRUE(rows.emplace(key, std::vector<float>(row.begin(), row.end())).second);
  });
  return rows;
}

// The same table, as simply as can be said.
class Model {
 public:
  explicit Model(const TableSpec& spec) : spec_(spec), optimizer_(MakeOptimizer(spec.optimizer)) {}

  std::vector<float> Weights(RowKey key) const {
    const auto found = rows_.find(key);
    std::vector<float> w = found == rows_.end() ? Newborn(key) : found->second;
    w.resize(spec_.dim);
    return w;
  }
  void Apply(RowKey key, std::span<const float> gradient) {
    float* const row = rows_.try_emplace(key, Newborn(key)).first->second.data();
    optimizer_->StepRows({&row, 1}, spec_.dim, gradient.data());
  }
  const std::map<RowKey, std::vector<float>>& rows() const { return rows_; }

 private:
  std::vector<float> Newborn(RowKey key) const {
    std::vector<float> row(spec_.dim + optimizer_->SlotFloats(spec_.dim));
    InitialWeights(spec_, key, kSeed, row.data());
    const std::span<float> all(row);
    optimizer_->Init(all.first(spec_.dim), all.subspan(spec_.dim));
    return row;
  }

  TableSpec spec_;
  std::unique_ptr<Optimizer> optimizer_;
  std::map<RowKey, std::vector<float>> rows_;
};

// Keys of few values, so that they repeat, with both ends of the range among them.
RowKey RandomKey(Rng& rng) {
  switch (rng.Below(8)) {
    case 0:
      return RowKey(0);
    case 1:
      return RowKey(std::numeric_limits<uint64_t>::max());
    case 2:
      return RowKey(rng.Next());
    default:
      return RowKey(rng.Below(500));
  }
}

struct Batch {
  std::vector<RowKey> keys;
  std::vector<float> values;
};

Batch RandomBatch(Rng& rng, uint32_t dim) {
  Batch batch;
  for (uint64_t n = rng.Below(100); n > 0; --n) {
    batch.keys.push_back(RandomKey(rng));
    for (uint32_t i = 0; i < dim; ++i) {
      batch.values.push_back(static_cast<float>(rng.Uniform() - 0.5));
    }
  }
  return batch;
}

class SparseTableProperty : public testing::TestWithParam<std::tuple<uint32_t, OptimizerKind>> {};

TEST_P(SparseTableProperty, IsAMapOfRows) {
  const auto [dim, optimizer] = GetParam();
  const TableSpec spec = Sparse(dim, optimizer);
  const auto table = MakeTable(spec, PlaceId(0), 1, kSeed);
  Model model(spec);
  Rng rng(dim);
  for (int round = 0; round < 200; ++round) {
    const Batch push = RandomBatch(rng, dim);
    table->Apply(push.keys, push.values.data());
    for (size_t i = 0; i < push.keys.size(); ++i) {
      model.Apply(push.keys[i], std::span(push.values).subspan(i * dim, dim));
    }
    const Batch pull = RandomBatch(rng, dim);
    std::vector<float> expected;
    for (const RowKey key : pull.keys) {
      const std::vector<float> w = model.Weights(key);
      expected.insert(expected.end(), w.begin(), w.end());
    }
    ASSERT_EQ(Gather(*table, pull.keys), expected) << "round " << round;
    ASSERT_EQ(table->StoredRows(), model.rows().size());
  }
  EXPECT_EQ(Dump(*table), model.rows());
}

INSTANTIATE_TEST_SUITE_P(
    AllRules, SparseTableProperty,
    testing::Combine(testing::Values(1, 2, 3, 16, 37, 64),
                     testing::Values(OptimizerKind::kSgd, OptimizerKind::kMomentum,
                                     OptimizerKind::kAdagrad, OptimizerKind::kAdam,
                                     OptimizerKind::kFtrl)));

TEST(SparseTable, PullStoresNothing) {
  const auto table = MakeTable(Sparse(4, OptimizerKind::kSgd), PlaceId(0), 1, kSeed);
  const std::vector<float> first = Gather(*table, {RowKey(9)});
  EXPECT_NE(first, std::vector<float>(4, 0.0F));
  EXPECT_EQ(table->StoredRows(), 0);
  EXPECT_EQ(Gather(*table, {RowKey(9)}), first);
}

TEST(SparseTable, PlacesShareTheKeys) {
  const TableSpec spec = Sparse(1, OptimizerKind::kSgd);
  const auto a = MakeTable(spec, PlaceId(0), 2, kSeed);
  const auto b = MakeTable(spec, PlaceId(1), 2, kSeed);
  for (uint64_t key = 0; key < 100; ++key) EXPECT_NE(a->Owns(RowKey(key)), b->Owns(RowKey(key)));
}

TEST(SparseTable, RestoredRowsStepAsTheOriginals) {
  for (const OptimizerKind kind : {OptimizerKind::kMomentum, OptimizerKind::kAdam}) {
    const TableSpec spec = Sparse(5, kind);
    const auto table = MakeTable(spec, PlaceId(0), 1, kSeed);
    Rng rng(1);
    const Batch before = RandomBatch(rng, 5);
    table->Apply(before.keys, before.values.data());
    const auto restored = MakeTable(spec, PlaceId(0), 1, kSeed);
    table->ForEachRow(
        [&](RowKey key, std::span<const float> row) { restored->RestoreRow(key, row); });
    const Batch after = RandomBatch(rng, 5);
    table->Apply(after.keys, after.values.data());
    restored->Apply(after.keys, after.values.data());
    EXPECT_EQ(Dump(*restored), Dump(*table));
  }
}

TEST(SparseTable, GrowsToAMillionRows) {
  constexpr uint64_t kRows = 1'000'000;
  const auto table = MakeTable(Sparse(1, OptimizerKind::kSgd), PlaceId(0), 1, kSeed);
  std::vector<RowKey> keys;
  std::vector<float> gradients;
  for (uint64_t i = 0; i < kRows; ++i) {
    keys.push_back(RowKey(i << 20));
    gradients.push_back(static_cast<float>(i % 1000));
  }
  const std::vector<float> before = Gather(*table, keys);
  table->Apply(keys, gradients.data());
  EXPECT_EQ(table->StoredRows(), kRows);
  const std::vector<float> after = Gather(*table, keys);
  for (uint64_t i = 0; i < kRows; ++i) {
    ASSERT_EQ(after[i], before[i] - 0.1F * gradients[i]) << "row " << i;
  }
}

TEST(DenseTable, BlocksOfAllPlacesAreTheTable) {
  const TableSpec spec = Dense(100, 8);  // 13 blocks, the last one padded
  constexpr uint32_t kPlaces = 4;
  std::map<RowKey, std::vector<float>> all;
  for (uint32_t place = 0; place < kPlaces; ++place) {
    const auto table = MakeTable(spec, PlaceId(place), kPlaces, kSeed);
    for (uint64_t b = 0; b < 16; ++b) {
      const RowKey key(b);
      EXPECT_EQ(table->Owns(key), b < 13 && PlaceOf(spec, key, kPlaces) == PlaceId(place));
    }
    EXPECT_EQ(table->StoredRows(), Dump(*table).size());
    for (const auto& [key, row] : Dump(*table)) {
      std::vector<float> first(8);
      InitialWeights(spec, key, kSeed, first.data());
      EXPECT_EQ(Gather(*table, {key}), first);
      EXPECT_TRUE(all.emplace(key, row).second);
    }
  }
  EXPECT_EQ(all.size(), 13);
}

TEST(DenseTable, AppliesInOrderAndRestores) {
  const TableSpec spec = Dense(64, 8);
  const auto table = MakeTable(spec, PlaceId(0), 1, kSeed);
  Model model(spec);
  const std::vector<RowKey> keys = {RowKey(2), RowKey(7), RowKey(2)};
  std::vector<float> gradients(24);
  for (size_t i = 0; i < gradients.size(); ++i) gradients[i] = 0.1F * static_cast<float>(i);
  table->Apply(keys, gradients.data());
  for (size_t i = 0; i < 3; ++i) model.Apply(keys[i], std::span(gradients).subspan(8 * i, 8));
  EXPECT_EQ(Gather(*table, {RowKey(2)}), model.Weights(RowKey(2)));
  EXPECT_EQ(Gather(*table, {RowKey(7)}), model.Weights(RowKey(7)));
  const auto restored = MakeTable(spec, PlaceId(0), 1, kSeed + 1);
  table->ForEachRow(
      [&](RowKey key, std::span<const float> row) { restored->RestoreRow(key, row); });
  EXPECT_EQ(Dump(*restored), Dump(*table));
}

TEST(DenseTable, MorePlacesThanBlocksLeavesSomeEmpty) {
  const TableSpec spec = Dense(8, 8);
  uint64_t rows = 0;
  for (uint32_t place = 0; place < 5; ++place) {
    rows += MakeTable(spec, PlaceId(place), 5, kSeed)->StoredRows();
  }
  EXPECT_EQ(rows, 1);
}

}  // namespace
}  // namespace rubato
