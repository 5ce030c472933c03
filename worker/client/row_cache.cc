#include "worker/client/row_cache.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "common/memory/prefetch.h"

namespace rubato {
namespace {

// Rows whose lines are asked for together.
constexpr size_t kGroup = 32;
// The tag of a row whose shard life is over: too old for every iteration.
constexpr Clock kGone(std::numeric_limits<int64_t>::min());

}  // namespace

RowCache::RowCache(const std::vector<TableSpec>& tables) : specs_(tables) { Clear(); }

// Calls use(i, row) for each selected index; row < 0: not here.
template <class Use>
void RowCache::ForRows(const Table& table, const Selection& rows, Use use) {
  uint64_t hashes[kGroup];
  int64_t found[kGroup];
  for (size_t begin = 0; begin < rows.indices.size(); begin += kGroup) {
    const auto group = rows.indices.subspan(begin, std::min(kGroup, rows.indices.size() - begin));
    for (size_t j = 0; j < group.size(); ++j) {
      hashes[j] = KeyIndex::Hash(rows.keys[group[j]]);
      table.index.PrefetchHome(hashes[j]);
    }
    for (size_t j = 0; j < group.size(); ++j) {
      const void* payload = table.index.Find(hashes[j], rows.keys[group[j]]);
      found[j] = -1;
      if (payload == nullptr) continue;
      std::memcpy(&found[j], payload, sizeof(found[j]));
      PrefetchLine(&table.values[static_cast<size_t>(found[j]) * table.dim]);
    }
    for (size_t j = 0; j < group.size(); ++j) use(group[j], found[j]);
  }
}

void RowCache::Put(const Selection& rows, PlaceId place, Clock tag, const float* values) {
  std::unique_ptr<Table>& table = tables_[rows.table];
  if (table->staleness.infinite()) return;  // ASP: pulled afresh for every iteration
  if (table->keys.size() >= table->sweep_at) table = Sweep(*table, specs_[rows.table], tag);
  const size_t dim = table->dim;
  ForRows(*table, rows, [&](uint32_t i, int64_t found) {
    const float* row = values + i * dim;
    if (found < 0) return Keep(table.get(), rows.keys[i], place, tag, row);
    const auto at = static_cast<size_t>(found);
    table->tags[at] = tag;
    table->places[at] = place;
    std::copy_n(row, dim, &table->values[at * dim]);
  });
}

void RowCache::Keep(Table* table, RowKey key, PlaceId place, Clock tag, const float* row) {
  const uint64_t at = table->keys.size();
  std::memcpy(table->index.Add(KeyIndex::Hash(key), key), &at, sizeof(at));
  table->keys.push_back(key);
  table->tags.push_back(tag);
  table->places.push_back(place);
  table->values.insert(table->values.end(), row, row + table->dim);
}

// What an iteration >= now can still use.
std::unique_ptr<RowCache::Table> RowCache::Sweep(const Table& table, const TableSpec& spec,
                                                 Clock now) {
  auto kept = std::make_unique<Table>(spec);
  for (size_t at = 0; at < table.keys.size(); ++at) {
    if (!table.staleness.Allows(table.tags[at], now)) continue;
    Keep(kept.get(), table.keys[at], table.places[at], table.tags[at],
         &table.values[at * table.dim]);
  }
  kept->sweep_at = std::max(kept->sweep_at, 2 * kept->keys.size());
  return kept;
}

std::vector<uint32_t> RowCache::Get(const Selection& rows, Clock use, float* values,
                                    Clock* tags) const {
  const Table& table = *tables_[rows.table];
  std::vector<uint32_t> missing;
  ForRows(table, rows, [&](uint32_t i, int64_t found) {
    const auto at = static_cast<size_t>(found);
    if (found < 0 || !table.staleness.Allows(table.tags[at], use)) return missing.push_back(i);
    tags[i] = table.tags[at];
    std::copy_n(&table.values[at * table.dim], table.dim, values + i * table.dim);
  });
  return missing;
}

void RowCache::Drop(PlaceId place) {
  for (const auto& table : tables_) {
    for (size_t at = 0; at < table->keys.size(); ++at) {
      if (table->places[at] == place) table->tags[at] = kGone;
    }
  }
}

void RowCache::Clear() {
  tables_.clear();
  for (const TableSpec& spec : specs_) tables_.push_back(std::make_unique<Table>(spec));
}

size_t RowCache::size() const {
  size_t rows = 0;
  for (const auto& table : tables_) rows += table->keys.size();
  return rows;
}

}  // namespace rubato
