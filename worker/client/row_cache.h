// Pulled rows kept for as long as the staleness bound allows, so that s buys less traffic and not
// only less waiting. Each row carries the tag k of the answer that brought it: it may be used at
// iteration c iff k >= c - s of its table. Rows die with the shard life they came from.
//
// Memory: whenever a table's rows have doubled, those that are too old for any iteration to come
// are thrown out; what stays was pulled within the last s clocks. Rows are looked up in groups, so
// that the lines of a whole group are on their way from memory at once.
//
// Owned by one PsClient. A device-memory cache will stand behind the same calls.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/base/ids.h"
#include "common/job/table_spec.h"
#include "common/memory/floats.h"
#include "common/memory/key_index.h"

namespace rubato {

class RowCache {
 public:
  explicit RowCache(const std::vector<TableSpec>& tables);

  // Some rows of a fetch: keys[i] for each i in `indices`, distinct. Values are [keys.size(), dim]
  // of the table, row i at its place.
  struct Selection {
    size_t table;  // index among the tables
    std::span<const RowKey> keys;
    std::span<const uint32_t> indices;
  };

  // Keeps rows that `place` answered when its min_clock was `tag`. Requires that no iteration
  // < `tag` asks for rows any more.
  void Put(const Selection& rows, PlaceId place, Clock tag, const float* values);
  // Copies the rows that are usable at iteration `use`, and their tags, to their places; returns
  // the indices of the others.
  std::vector<uint32_t> Get(const Selection& rows, Clock use, float* values, Clock* tags) const;
  // Forgets what came from `place`: its shard has a new life.
  void Drop(PlaceId place);
  void Clear();
  // Rows in memory, usable or not.
  size_t size() const;

 private:
  struct Table {
    explicit Table(const TableSpec& spec) : dim(spec.dim), staleness(spec.staleness) {}
    size_t dim;
    Staleness staleness;
    KeyIndex index{1};  // key -> row, an index into all below
    std::vector<RowKey> keys;
    std::vector<Clock> tags;
    std::vector<PlaceId> places;
    Floats values;  // [keys.size(), dim]
    size_t sweep_at = 4096;
  };

  template <class Use>
  static void ForRows(const Table& table, const Selection& rows, Use use);
  static void Keep(Table* table, RowKey key, PlaceId place, Clock tag, const float* row);
  static std::unique_ptr<Table> Sweep(const Table& table, const TableSpec& spec, Clock now);

  std::vector<TableSpec> specs_;
  std::vector<std::unique_ptr<Table>> tables_;
};

}  // namespace rubato
