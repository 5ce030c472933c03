#include "worker/row_cache.h"

#include <array>

#include "gtest/gtest.h"

namespace rubato {
namespace {

constexpr PlaceId kHere{0};
constexpr PlaceId kThere{1};
constexpr RowKey kKey{7};

// Table 0 has bound 2, table 1 none at all.
RowCache MakeCache() {
  std::vector<TableSpec> tables(2);
  tables[0].staleness = Staleness(2);
  tables[1].staleness = Staleness::Infinite();
  return RowCache(tables);
}

struct Found {
  Clock tag;
  std::array<float, 2> values = {};
};

std::optional<Found> Get(const RowCache& cache, size_t table, RowKey key, int64_t use) {
  Found found;
  if (!cache.Get(table, key, Clock(use), &found.tag, found.values.data())) return std::nullopt;
  return found;
}

TEST(RowCache, ARowIsUsableAsLongAsItsTagAllows) {
  RowCache cache = MakeCache();
  cache.Put(0, kHere, kKey, Clock(5), std::array{1.0F, 2.0F});
  const auto last = Get(cache, 0, kKey, 7);  // 5 >= 7 - 2
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(last->tag, Clock(5));
  EXPECT_EQ(last->values, (std::array{1.0F, 2.0F}));
  EXPECT_FALSE(Get(cache, 0, kKey, 8));
  EXPECT_FALSE(Get(cache, 0, RowKey(8), 5));
}

TEST(RowCache, ANewerRowReplacesTheOld) {
  RowCache cache = MakeCache();
  cache.Put(0, kHere, kKey, Clock(5), std::array{1.0F, 2.0F});
  cache.Put(0, kHere, kKey, Clock(6), std::array{3.0F, 4.0F});
  const auto row = Get(cache, 0, kKey, 8);
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->values, (std::array{3.0F, 4.0F}));
}

TEST(RowCache, ATableWithoutBoundIsNeverCached) {
  RowCache cache = MakeCache();
  cache.Put(1, kHere, kKey, Clock(5), std::array{1.0F, 2.0F});
  EXPECT_FALSE(Get(cache, 1, kKey, 5));
}

TEST(RowCache, ANewLifeOfAShardTakesItsRowsAndNoOthers) {
  RowCache cache = MakeCache();
  cache.Put(0, kHere, kKey, Clock(5), std::array{1.0F, 2.0F});
  cache.Put(0, kThere, RowKey(8), Clock(5), std::array{3.0F, 4.0F});
  cache.Drop(kHere);
  EXPECT_FALSE(Get(cache, 0, kKey, 5));
  EXPECT_TRUE(Get(cache, 0, RowKey(8), 5));
  cache.Clear();
  EXPECT_FALSE(Get(cache, 0, RowKey(8), 5));
}

}  // namespace
}  // namespace rubato
