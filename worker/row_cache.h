// Pulled rows kept for as long as the staleness bound allows, so that s buys less traffic and not
// only less waiting. Each row carries the tag k of the answer that brought it: it may be used at
// iteration c iff k >= c - s of its table. Rows die with the shard life they came from.
//
// Owned by one PsClient. A device-memory cache will stand behind the same three calls.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/ids.h"
#include "common/table_spec.h"

namespace rubato {

class RowCache {
 public:
  explicit RowCache(const std::vector<TableSpec>& tables);

  void Put(size_t table, PlaceId place, RowKey key, Clock tag, std::span<const float> row);
  // Copies a row usable at iteration `use` to `out` and returns its tag in *tag.
  bool Get(size_t table, RowKey key, Clock use, Clock* tag, float* out) const;
  // Forgets what came from `place`: its shard has a new life.
  void Drop(PlaceId place);
  void Clear();

 private:
  struct Row {
    PlaceId place;
    Clock tag;
    std::vector<float> values;
  };
  std::vector<Staleness> staleness_;                    // by table
  std::vector<absl::flat_hash_map<RowKey, Row>> rows_;  // by table
};

}  // namespace rubato
