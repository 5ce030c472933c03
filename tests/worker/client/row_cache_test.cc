#include "worker/client/row_cache.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/env.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

constexpr PlaceId kHere{0};
constexpr PlaceId kThere{1};
constexpr RowKey kKey{7};
constexpr size_t kDim = 2;

// Table 0 has bound 2, table 1 none at all.
RowCache MakeCache() {
  std::vector<TableSpec> tables(2);
  for (TableSpec& table : tables) table.dim = kDim;
  tables[0].staleness = Staleness(2);
  tables[1].staleness = Staleness::Infinite();
  return RowCache(tables);
}

using Row = std::pair<float, float>;

struct Found {
  Clock tag;
  Row row;
};

void Put(RowCache* cache, size_t table, PlaceId place, RowKey key, const Found& found) {
  const uint32_t index = 0;
  const float values[kDim] = {found.row.first, found.row.second};
  cache->Put({table, {&key, 1}, {&index, 1}}, place, found.tag, values);
}

std::optional<Found> Get(const RowCache& cache, size_t table, RowKey key, int64_t use) {
  const uint32_t index = 0;
  float values[kDim] = {};
  Clock tag;
  const auto missing = cache.Get({table, {&key, 1}, {&index, 1}}, Clock(use), values, &tag);
  if (!missing.empty()) return std::nullopt;
  return Found{tag, {values[0], values[1]}};
}

TEST(RowCache, ARowIsUsableAsLongAsItsTagAllows) {
  RowCache cache = MakeCache();
  Put(&cache, 0, kHere, kKey, {Clock(5), {1, 2}});
  const auto last = Get(cache, 0, kKey, 7);  // 5 >= 7 - 2
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(last->tag, Clock(5));
  EXPECT_EQ(last->row, Row(1, 2));
  EXPECT_FALSE(Get(cache, 0, kKey, 8));
  EXPECT_FALSE(Get(cache, 0, RowKey(8), 5));
}

TEST(RowCache, ANewerRowReplacesTheOld) {
  RowCache cache = MakeCache();
  Put(&cache, 0, kHere, kKey, {Clock(5), {1, 2}});
  Put(&cache, 0, kHere, kKey, {Clock(6), {3, 4}});
  const auto row = Get(cache, 0, kKey, 8);
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->row, Row(3, 4));
  EXPECT_EQ(cache.size(), 1);
}

TEST(RowCache, ATableWithoutBoundIsNeverCached) {
  RowCache cache = MakeCache();
  Put(&cache, 1, kHere, kKey, {Clock(5), {1, 2}});
  EXPECT_FALSE(Get(cache, 1, kKey, 5));
}

TEST(RowCache, ANewLifeOfAShardTakesItsRowsAndNoOthers) {
  RowCache cache = MakeCache();
  Put(&cache, 0, kHere, kKey, {Clock(5), {1, 2}});
  Put(&cache, 0, kThere, RowKey(8), {Clock(5), {3, 4}});
  cache.Drop(kHere);
  EXPECT_FALSE(Get(cache, 0, kKey, 5));
  EXPECT_TRUE(Get(cache, 0, RowKey(8), 5));
  Put(&cache, 0, kHere, kKey, {Clock(5), {5, 6}});  // of the new life
  EXPECT_TRUE(Get(cache, 0, kKey, 5));
  cache.Clear();
  EXPECT_FALSE(Get(cache, 0, RowKey(8), 5));
}

// Iterations over random keys: every row that a map would still find is found, with its values, and
// what is too old does not stay in memory for ever.
TEST(RowCache, AgreesWithAMapAndForgetsTheOld) {
  constexpr int64_t kClocks = 300;
  constexpr size_t kKeys = 500;
  RowCache cache = MakeCache();
  std::map<RowKey, Found> model;
  Rng rng(1);
  for (int64_t clock = 0; clock < kClocks; ++clock) {
    std::vector<RowKey> keys;
    // Half of them old acquaintances (0 is one: it has a place of its own), half never seen again.
    for (size_t i = 0; i < kKeys; ++i) {
      keys.push_back(RowKey(i % 2 == 0 ? rng.Below(1000) : rng.Next()));
    }
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    std::vector<uint32_t> all(keys.size());
    for (uint32_t i = 0; i < all.size(); ++i) all[i] = i;
    std::vector<float> values(keys.size() * kDim);
    std::vector<Clock> tags(keys.size());
    const auto missing = cache.Get({0, keys, all}, Clock(clock), values.data(), tags.data());
    for (const uint32_t i : all) {
      const auto known = model.find(keys[i]);
      const bool usable = known != model.end() && known->second.tag.value() >= clock - 2;
      ASSERT_EQ(usable, !std::binary_search(missing.begin(), missing.end(), i));
      if (usable) {
        EXPECT_EQ(tags[i], known->second.tag);
        EXPECT_EQ(Row(values[2 * i], values[2 * i + 1]), known->second.row);
        continue;
      }
      const Row row(static_cast<float>(rng.Normal()), static_cast<float>(clock));
      std::tie(values[2 * i], values[2 * i + 1]) = row;
      model[keys[i]] = {Clock(clock), row};
    }
    cache.Put({0, keys, missing}, kHere, Clock(clock), values.data());
  }
  EXPECT_GT(model.size(), kClocks * kKeys / 3);
  EXPECT_LT(cache.size(), 10'000);
}

}  // namespace
}  // namespace rubato
