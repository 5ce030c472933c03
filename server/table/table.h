// A shard's part of one table: rows of weights with their slots. Owned by one thread.
//
// A table knows which of its rows have changed since the base of the next image. An image is cut by
// Cut, then Freeze; when it is committed it becomes the base by SetBase. Every push since the last
// Cut, whether or not that was frozen, is in the next image.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "common/base/ids.h"
#include "common/job/table_spec.h"
#include "common/memory/frozen_rows.h"
#include "common/memory/unit_marks.h"

namespace rubato {

class Table {
 public:
  virtual ~Table() = default;
  virtual const TableSpec& spec() const = 0;
  // Copies the weights of `keys` to out[keys.size(), dim]. A sparse row that was never pushed has
  // its first weights and is not stored. Requires: every key of a dense table is one of its blocks
  // here.
  virtual void Gather(std::span<const RowKey> keys, float* out) const = 0;
  // One optimizer step per key with gradients[keys.size(), dim], in order. Keys may repeat.
  virtual void Apply(std::span<const RowKey> keys, const float* gradients) = 0;
  // Whether this shard holds (dense) or may hold (sparse) the row.
  virtual bool Owns(RowKey key) const = 0;

  // For images: floats of a stored row (weights, then slots), and the rows themselves.
  virtual size_t RowFloats() const = 0;
  virtual uint64_t StoredRows() const = 0;
  virtual void ForEachRow(
      const std::function<void(RowKey, std::span<const float>)>& visit) const = 0;
  // Puts back a row as ForEachRow gave it. Requires row.size() == RowFloats() and Owns(key). To be
  // followed, once all rows are back, by Cut and SetBase where they are those of the next base.
  virtual void RestoreRow(RowKey key, std::span<const float> row) = 0;

  // Between two pushes. Returns about how many rows have changed since the base.
  virtual uint64_t Cut() = 0;
  // The rows as they are now, right after Cut: all, or at least those that changed since the base.
  // It stays as it is while pushes go on, in memory of its own where they come first. One at a
  // time: the one before is given up if it is not all taken.
  virtual std::shared_ptr<FrozenRows> Freeze(FrozenExtent extent) = 0;
  // What the last Cut saw is saved: the next image may leave out what did not change since.
  virtual void SetBase() = 0;
};

}  // namespace rubato
