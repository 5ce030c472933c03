// What a writer takes out of a table is what was there at the cut, whatever is pushed meanwhile.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/env.h"
#include "gtest/gtest.h"
#include "server/table/make_table.h"
#include "server/table/sparse_table.h"

namespace rubato {
namespace {

using Rows = std::map<RowKey, std::vector<float>>;

struct Kind {
  const char* name;
  TableKind kind;
  uint32_t dim;
  OptimizerKind optimizer;
  uint64_t keys;
};

// Rows in the index of 8 and of 16 bytes, rows in a slab, and blocks.
constexpr Kind kKinds[] = {
    {"one_float", TableKind::kSparse, 1, OptimizerKind::kSgd, 3000},
    {"four_floats", TableKind::kSparse, 2, OptimizerKind::kAdagrad, 3000},
    {"slab", TableKind::kSparse, 16, OptimizerKind::kAdagrad, 5000},
    {"dense", TableKind::kDense, 100, OptimizerKind::kAdagrad, 300},
};

class FrozenTableTest : public ::testing::TestWithParam<Kind> {
 protected:
  static TableSpec Spec() {
    TableSpec spec;
    spec.kind = GetParam().kind;
    spec.dim = GetParam().dim;
    spec.size = GetParam().keys * spec.dim;
    spec.optimizer.kind = GetParam().optimizer;
    return spec;
  }

  // Pushes for `count` keys out of the first `of`: scattered for a sparse table, and 0 among them.
  void Push(size_t count, uint64_t of) {
    const bool dense = GetParam().kind == TableKind::kDense;
    std::vector<RowKey> keys;
    std::vector<float> gradients;
    for (size_t i = 0; i < count; ++i) {
      const uint64_t n = rng_.Below(of);
      keys.emplace_back(dense ? n : n * 0x9e3779b97f4a7c15U);
    }
    for (size_t i = 0; i < count * GetParam().dim; ++i) {
      gradients.push_back(static_cast<float>(rng_.Below(9)));
    }
    table_->Apply(keys, gradients.data());
  }

  Rows Dump() const {
    Rows rows;
    table_->ForEachRow(
        [&](RowKey key, std::span<const float> row) { rows[key].assign(row.begin(), row.end()); });
    return rows;
  }

  // Takes `blocks` blocks, or as many as there are. False: there are no more.
  static bool Take(FrozenRows* frozen, uint64_t blocks, Rows* out) {
    const size_t floats = frozen->row_floats();
    for (; blocks > 0; --blocks) {
      std::vector<RowKey> keys;
      std::vector<float> rows;
      const auto taken = frozen->TakeBlock({&keys, &rows});
      EXPECT_NE(taken, FrozenRows::Taken::kGivenUp);
      if (taken != FrozenRows::Taken::kSome) return false;
      EXPECT_EQ(rows.size(), keys.size() * floats);
      for (size_t i = 0; i < keys.size(); ++i) {
        const float* row = rows.data() + i * floats;
        EXPECT_TRUE(out->emplace(keys[i], std::vector<float>(row, row + floats)).second);
      }
    }
    return true;
  }

  Rng rng_{1};
  const std::unique_ptr<Table> table_ = MakeTable(Spec(), PlaceId(0), 1, 7);
};

INSTANTIATE_TEST_SUITE_P(Kinds, FrozenTableTest, ::testing::ValuesIn(kKinds),
                         [](const auto& kind) { return kind.param.name; });

TEST_P(FrozenTableTest, AllRowsAreThoseOfTheCut) {
  Push(2000, GetParam().keys / 2);
  for (int round = 0; round < 20; ++round) {
    table_->Cut();
    const auto frozen = table_->Freeze(FrozenExtent::kAll);
    const Rows expected = Dump();
    EXPECT_EQ(frozen->rows_at_most(), expected.size());
    Rows taken;
    do {
      Push(rng_.Below(200), GetParam().keys);  // old rows and new ones, which the index grows for
    } while (Take(frozen.get(), rng_.Below(4), &taken));
    EXPECT_TRUE(taken == expected) << "round " << round;
  }
}

// Over snapshots that are committed and others that are withdrawn, written whole or half.
TEST_P(FrozenTableTest, ChangedRowsOnTopOfTheBaseAreThoseOfTheCut) {
  Push(3000, GetParam().keys / 2);
  Rows base = Dump();
  table_->Cut();
  table_->SetBase();
  size_t incremental = 0;
  for (int round = 0; round < 60; ++round) {
    Push(rng_.Below(100), GetParam().keys);
    const uint64_t changed = table_->Cut();
    EXPECT_GT(table_->StoredRows() + 1, changed);
    const auto frozen = table_->Freeze(FrozenExtent::kChanged);
    const Rows expected = Dump();
    Rows taken;
    const bool half = rng_.Chance(0.2);
    do {
      Push(rng_.Below(20), GetParam().keys);
    } while (Take(frozen.get(), rng_.Below(8), &taken) && !(half && rng_.Chance(0.1)));
    if (half) continue;
    EXPECT_LE(taken.size(), frozen->rows_at_most());
    const bool by_row = table_->RowFloats() > 4;  // else by buckets of the index
    if (by_row) {
      EXPECT_EQ(taken.size(), frozen->rows_at_most());  // so much room a disk must have
    }
    incremental += taken.size() < expected.size() / 2;
    Rows on_top = base;
    for (const auto& [key, row] : taken) on_top[key] = row;
    ASSERT_TRUE(on_top == expected) << "round " << round;
    if (rng_.Chance(0.5)) continue;  // withdrawn
    base = expected;
    table_->SetBase();
  }
  EXPECT_GT(incremental, 20U);
}

TEST_P(FrozenTableTest, NothingIsInTheNextImageThatIsInItsBase) {
  Push(3000, GetParam().keys);
  table_->Cut();
  table_->SetBase();
  EXPECT_EQ(table_->Cut(), 0U);
  Rows taken;
  EXPECT_FALSE(Take(table_->Freeze(FrozenExtent::kChanged).get(), 1'000'000, &taken));
  EXPECT_TRUE(taken.empty());
  Push(1, GetParam().keys);
  EXPECT_GT(table_->Cut(), 0U);
  EXPECT_FALSE(Take(table_->Freeze(FrozenExtent::kChanged).get(), 1'000'000, &taken));
  EXPECT_GE(taken.size(), 1U);
  EXPECT_LE(taken.size(), 4U);
}

TEST_P(FrozenTableTest, ANewerCutGivesUpAnOlderOne) {
  Push(3000, GetParam().keys);
  table_->Cut();
  const auto older = table_->Freeze(FrozenExtent::kAll);
  table_->Cut();
  const auto newer = table_->Freeze(FrozenExtent::kAll);
  std::vector<RowKey> keys;
  std::vector<float> rows;
  EXPECT_EQ(older->TakeBlock({&keys, &rows}), FrozenRows::Taken::kGivenUp);
  const Rows expected = Dump();
  Push(1000, GetParam().keys);
  Rows taken;
  EXPECT_FALSE(Take(newer.get(), 1'000'000, &taken));
  EXPECT_TRUE(taken == expected);
}

TEST_P(FrozenTableTest, OutlivesItsTable) {
  auto table = MakeTable(Spec(), PlaceId(0), 1, 7);
  const std::vector<RowKey> keys = {RowKey(1), RowKey(2)};
  table->Apply(keys, std::vector<float>(keys.size() * GetParam().dim, 1.0F).data());
  table->Cut();
  const auto frozen = table->Freeze(FrozenExtent::kAll);
  const uint64_t stored = table->StoredRows();
  table.reset();
  Rows taken;
  EXPECT_FALSE(Take(frozen.get(), 1'000'000, &taken));
  EXPECT_EQ(taken.size(), stored);
}

// The marks of what was changed when are used again after 65535 cuts.
TEST_P(FrozenTableTest, AnyNumberOfCutsMayPass) {
  Push(500, GetParam().keys);
  const auto rows_of_a_cut = [this] {
    Push(20, 40);
    table_->Cut();
    const Rows expected = Dump();
    const auto frozen = table_->Freeze(FrozenExtent::kAll);
    Push(100, GetParam().keys);
    Rows taken;
    EXPECT_FALSE(Take(frozen.get(), 1'000'000, &taken));
    EXPECT_TRUE(taken == expected);
  };
  rows_of_a_cut();
  for (int cut = 2; cut < 65'534; ++cut) table_->Cut();
  for (int cut = 0; cut < 4; ++cut) rows_of_a_cut();
}

// Two threads: what a writer meets of a row is never half of a push.
TEST_P(FrozenTableTest, IsTakenByAnotherThread) {
  Push(4000, GetParam().keys / 2);
  for (int round = 0; round < 20; ++round) {
    table_->Cut();
    const auto frozen = table_->Freeze(FrozenExtent::kAll);
    const Rows expected = Dump();
    Rows taken;
    std::thread writer([&] { EXPECT_FALSE(Take(frozen.get(), 1'000'000, &taken)); });
    for (int push = 0; push < 20; ++push) Push(100, GetParam().keys);
    writer.join();
    EXPECT_TRUE(taken == expected) << "round " << round;
  }
}

// A key twice in a push. The index grows while the first of the two is on its way, so that its row
// is found later than that of the second, by which it was noted that the row changes.
TEST(FrozenSparseTable, ARowIsCopiedBeforeItsFirstChangeWhileTheIndexGrows) {
  const auto keys_at = [](uint64_t low_bits, size_t count) {  // in part 0 of the index
    std::vector<RowKey> keys;
    for (uint64_t n = 1; keys.size() < count; ++n) {
      const uint64_t hash = KeyIndex::Hash(RowKey(n));
      if (hash >> 58 == 0 && hash % 8 == low_bits) keys.emplace_back(n);
    }
    return keys;
  };
  TableSpec spec;
  spec.dim = 16;
  SparseTable table(spec, PlaceId(0), 1, 7);
  // Ten keys are in the four buckets of that part, the fifth of the first bucket in the next one.
  std::vector<RowKey> stored = keys_at(0, 4);
  const RowKey twice = keys_at(4, 1)[0];
  stored.push_back(twice);
  for (const RowKey key : keys_at(2, 5)) stored.push_back(key);
  table.Apply(stored, std::vector<float>(stored.size() * spec.dim, 1.0F).data());
  table.Cut();
  const auto frozen = table.Freeze(FrozenExtent::kAll);
  std::vector<float> before(spec.dim);
  table.Gather({&twice, 1}, before.data());

  // Groups of 16: one that adds the eleventh key, and one that is two groups behind it, and one
  // more, in which the key is.
  std::vector<RowKey> keys(64, stored[0]);
  keys[0] = keys_at(3, 1)[0];
  keys[32] = keys[48] = twice;
  table.Apply(keys, std::vector<float>(keys.size() * spec.dim, 1.0F).data());
  std::vector<RowKey> taken;
  std::vector<float> rows;
  while (frozen->TakeBlock({&taken, &rows}) == FrozenRows::Taken::kSome) continue;
  ASSERT_EQ(taken.size(), stored.size());
  const auto at = std::ranges::find(taken, twice) - taken.begin();
  const auto row = std::span(rows).subspan(static_cast<size_t>(at) * spec.dim, spec.dim);
  EXPECT_TRUE(std::ranges::equal(row, before)) << row[0] << " and not " << before[0];
}

}  // namespace
}  // namespace rubato
