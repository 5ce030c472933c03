// A shard's part of one table: rows of weights with their slots. Owned by one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "common/base/ids.h"
#include "common/job/table_spec.h"

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
  // Puts back a row as ForEachRow gave it. Requires row.size() == RowFloats() and Owns(key).
  virtual void RestoreRow(RowKey key, std::span<const float> row) = 0;
};

}  // namespace rubato
