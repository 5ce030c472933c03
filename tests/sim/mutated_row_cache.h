// A RowCache that makes the mistakes of a cache: the simulator compiles PsClient with it. With no
// mutation active it is a RowCache.
#pragma once

#include <algorithm>
#include <vector>

#include "tests/sim/mutation.h"
#include "worker/client/row_cache.h"

namespace rubato {

class MutatedRowCache : public RowCache {
 public:
  explicit MutatedRowCache(const std::vector<TableSpec>& tables) : RowCache(Loosened(tables)) {}
  void Put(const Selection& rows, PlaceId place, Clock tag, const float* values) {
    if (Makes(Mutation::cache_reader_clock)) tag = std::max(tag, reader_);
    RowCache::Put(rows, place, tag, values);
  }
  std::vector<uint32_t> Get(const Selection& rows, Clock use, float* values, Clock* tags) {
    reader_ = use;
    return RowCache::Get(rows, use, values, tags);
  }
  void Drop(PlaceId place) {
    if (!Makes(Mutation::cache_over_life)) RowCache::Drop(place);
  }
  void Clear() {
    if (!Makes(Mutation::cache_over_life)) RowCache::Clear();
  }

 private:
  static std::vector<TableSpec> Loosened(std::vector<TableSpec> tables) {
    if (!Makes(Mutation::one_bound_for_all)) return tables;
    for (TableSpec& one : tables) {
      for (const TableSpec& other : tables)
        one.staleness = std::max(one.staleness, other.staleness);
    }
    return tables;
  }

  Clock reader_;  // the iteration that was looked for last
};

}  // namespace rubato

#define RowCache MutatedRowCache
