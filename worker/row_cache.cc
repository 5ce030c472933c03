#include "worker/row_cache.h"

#include <algorithm>

namespace rubato {

RowCache::RowCache(const std::vector<TableSpec>& tables) : rows_(tables.size()) {
  for (const TableSpec& table : tables) staleness_.push_back(table.staleness);
}

void RowCache::Put(size_t table, PlaceId place, RowKey key, Clock tag, std::span<const float> row) {
  if (staleness_[table].infinite()) return;  // ASP: pulled afresh for every iteration
  Row& cached = rows_[table][key];
  cached.place = place;
  cached.tag = tag;
  cached.values.assign(row.begin(), row.end());
}

bool RowCache::Get(size_t table, RowKey key, Clock use, Clock* tag, float* out) const {
  const auto found = rows_[table].find(key);
  if (found == rows_[table].end() || !staleness_[table].Allows(found->second.tag, use))
    return false;
  *tag = found->second.tag;
  std::copy(found->second.values.begin(), found->second.values.end(), out);
  return true;
}

void RowCache::Drop(PlaceId place) {
  for (auto& rows : rows_) {
    absl::erase_if(rows, [&](const auto& entry) { return entry.second.place == place; });
  }
}

void RowCache::Clear() {
  for (auto& rows : rows_) rows.clear();
}

}  // namespace rubato
