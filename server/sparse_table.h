// A sparse table's rows of one place: a KeyIndex over rows in slabs.
//
// A row is born, with its first weights and slots, by the first push of its key; a pull computes
// the first weights of an unknown key and keeps nothing. Batches run in groups: while the rows of a
// group are looked up and their lines prefetched, the index lines of the next are on their way.
#pragma once

#include <memory>

#include "server/key_index.h"
#include "server/optimizer.h"
#include "server/slab.h"
#include "server/table.h"

namespace rubato {

class SparseTable final : public Table {
 public:
  SparseTable(const TableSpec& spec, PlaceId place, uint32_t places, uint64_t seed);

  const TableSpec& spec() const override { return spec_; }
  void Gather(std::span<const RowKey> keys, float* out) const override;
  void Apply(std::span<const RowKey> keys, const float* gradients) override;
  bool Owns(RowKey key) const override;
  size_t RowFloats() const override { return row_floats_; }
  uint64_t StoredRows() const override { return index_.size(); }
  void ForEachRow(const std::function<void(RowKey, std::span<const float>)>& visit) const override;
  void RestoreRow(RowKey key, std::span<const float> row) override;

 private:
  float* FindOrMakeRow(RowKey key);
  void PrefetchRow(const float* row, size_t floats) const;

  TableSpec spec_;
  PlaceId place_;
  uint32_t places_;
  uint64_t seed_;
  std::unique_ptr<Optimizer> optimizer_;
  size_t row_floats_;
  KeyIndex index_;
  RowSlab slab_;
};

}  // namespace rubato
